"""Renders a demo set: clips in a folder per class, annotation files, long videos with events.

::

    root/
      demo.json                            the settings, and whether the set is complete
      videos/Track-Excavator/rec003_clip02.mp4
      videos/Other/rec003_window06.mp4     untrimmed time, cut anywhere; for training only
      train.txt  val.txt  test.txt         mmaction2's text lists, paths below videos/
      train.csv  val.csv  test.csv         path,label,recording
      acts.json                            what happens in each clip, from when to when
      untrimmed/rec060.mp4                 long videos of further recordings
      untrimmed/events.json                their dangers: label, start_seconds, end_seconds
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from demo_yard.acting.acts import LABELS
from demo_yard.acting.casting import stage_clip
from demo_yard.acting.stage import Stage
from demo_yard.rendering.plan import (
    MIRROR_WINDOW,
    WINDOW,
    ClipPlan,
    plan_clips,
    plan_windows,
    recording_name,
    split_recordings,
)
from demo_yard.rendering.recording import Recording
from demo_yard.rendering.untrimmed import stage_recording, stage_window
from demo_yard.scene.site import Site
from video_clips.annotation_files import write_annotations
from video_clips.clip import Clip
from video_clips.whole_files import write_atomically
from video_clips.writing import write_video

TUNE = 'fastdecode'
"""A set is read in every epoch: 5 % more bytes, 40 % less time to open and decode a clip."""

Progress = Callable[[int, int], None]
"""Called with the number of videos that are done and of all."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings of a demo set; the same settings give the same files.

    Args:
        num_clips: Clips in all classes together; 0 for a set of long videos alone.
        clips_per_recording: How many come from one recording, on average.
        seconds: Mean length of a clip.
        fps: Frames a second.
        num_sites: Places that recordings come from; a site keeps its camera and its tracks.
        width: Picture width in pixels, even.
        height: Picture height in pixels, even.
        num_untrimmed: Long videos.
        untrimmed_seconds: Length of each.
        num_windows: Clips for training that are cut anywhere out of untrimmed time.
        seed: Of everything.
        site_seed: Of the sites, where they are those of another set; by default `seed`.
    """

    num_clips: int = 600
    clips_per_recording: float = 6.0
    seconds: float = 4.0
    fps: float = 8.0
    num_sites: int = 1
    width: int = 160
    height: int = 120
    num_untrimmed: int = 0
    untrimmed_seconds: float = 120.0
    num_windows: int = 0
    seed: int = 0
    site_seed: int | None = None

    def __post_init__(self) -> None:
        for name in ('width', 'height'):
            value = getattr(self, name)
            if value < 32 or value % 2:
                raise ValueError(f'{name} must be even and 32 or more, got {value}')
        for name, least in (('seconds', 2.5), ('fps', 1.0), ('untrimmed_seconds', 10.0)):
            if getattr(self, name) < least:
                raise ValueError(f'{name} must be {least:g} or more, got {getattr(self, name):g}')
        for name in ('num_untrimmed', 'num_windows', 'seed', 'site_seed'):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f'{name} must not be negative, got {getattr(self, name)}')
        if self.num_sites < 1:
            raise ValueError(f'num_sites must be at least 1, got {self.num_sites}')


@dataclass(frozen=True)
class _Task:
    """Work of one process: the clips of a recording, or a long video."""

    root: Path
    settings: DemoSettings
    recording: int
    clips: tuple[ClipPlan, ...]


def render_demo_dataset(
    root: Path, settings: DemoSettings, num_workers: int = 2, progress: Progress | None = None
) -> Path:
    """Render a demo set into `root`, or finish one that was interrupted.

    Args:
        root: The set's folder; made if it is missing.
        settings: What to render.
        num_workers: Processes.
        progress: Told after each recording how far it is.

    Returns:
        `root`.

    Raises:
        ValueError: `root` holds another set or other files.
    """
    plans = _plan(settings)
    if _claim(root, settings):
        return root
    num_recordings = 1 + max((plan.recording for plan in plans), default=-1)
    tasks = [
        _Task(root, settings, recording, tuple(p for p in plans if p.recording == recording))
        for recording in range(num_recordings)
    ]
    # Long videos first: they take longest.
    tasks = [
        *(_Task(root, settings, num_recordings + i, ()) for i in range(settings.num_untrimmed)),
        *tasks,
    ]
    total = len(plans) + settings.num_untrimmed
    acts: dict[str, Any] = {}
    events: dict[str, Any] = {}
    for task, records in _run(tasks, num_workers):
        (acts if task.clips else events).update(records)
        if progress:
            progress(len(acts) + len(events), total)
    if plans:
        _write_annotations(root, plans, num_recordings, settings.seed)
        _write_json(root / 'acts.json', dict(sorted(acts.items())))
    if events:
        _write_json(root / 'untrimmed' / 'events.json', dict(sorted(events.items())))
    _write_json(root / 'demo.json', {'complete': True, 'settings': asdict(settings)})
    return root


def _plan(settings: DemoSettings) -> list[ClipPlan]:
    """The clips of a set, and then its windows."""
    if not settings.num_clips and settings.num_untrimmed and not settings.num_windows:
        return []
    length, seed = settings.seconds, settings.seed
    clips = plan_clips(settings.num_clips, settings.clips_per_recording, length, seed)
    return clips + plan_windows(settings.num_windows, clips, length, seed)


def _claim(root: Path, settings: DemoSettings) -> bool:
    """Say whether `root` holds the complete set already; claim it for this set otherwise."""
    manifest = root / 'demo.json'
    if manifest.exists():
        found = json.loads(manifest.read_text())
        if found['settings'] != asdict(settings):
            raise ValueError(
                f'{root} holds a demo set of other settings ({manifest}): choose another folder or '
                'delete this one'
            )
        return bool(found['complete'])
    if root.exists() and any(root.iterdir()):
        raise ValueError(f'{root} is not empty and holds no demo set: choose another folder')
    _write_json(manifest, {'complete': False, 'settings': asdict(settings)})
    return False


def _run(tasks: list[_Task], num_workers: int) -> Iterator[tuple[_Task, dict[str, Any]]]:
    if num_workers <= 1:
        for task in tasks:
            yield task, _render(task)
        return
    context = multiprocessing.get_context(_start_method())
    with ProcessPoolExecutor(num_workers, mp_context=context) as pool:
        futures = {pool.submit(_render, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_method() -> str | None:
    """Fork from a server that imported the stack once, where there is one.

    A fork of this process would hang in OpenCV once OpenCV had threads here.
    """
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return None
    multiprocessing.set_forkserver_preload([__name__])
    return 'forkserver'


def _render(task: _Task) -> dict[str, Any]:
    """Render a task's videos; returns what happens in each, by path."""
    cv2.setNumThreads(1)
    settings = task.settings
    recording = Recording(
        settings.seed,
        task.recording,
        (settings.width, settings.height),
        settings.num_sites,
        site_seed=settings.site_seed,
    )
    if not task.clips:
        return _render_untrimmed(task, recording)
    records = {}
    hour = 0.0
    for plan in task.clips:
        rng = np.random.default_rng([settings.seed, task.recording, 1 + plan.clip])
        stage, begin, (start, end) = _stage(rng, recording.site, plan)
        file = task.root / 'videos' / plan.path
        hour += float(rng.uniform(0.01, 0.1))
        if not file.exists():
            num_frames = round(plan.seconds * settings.fps)
            frames = recording.frames(stage, num_frames, settings.fps, rng, hour, begin)
            write_video(file, frames, settings.fps, TUNE)
        records[plan.path] = {
            'act': plan.act,
            'start_seconds': round(float(start), 3),
            'end_seconds': round(float(end), 3),
            'weather': recording.weather.kind,
        }
    return records


def _stage(
    rng: np.random.Generator, site: Site, plan: ClipPlan
) -> tuple[Stage, float, tuple[float, float]]:
    """A stage, where in its time the clip begins, and from when to when its act lasts."""
    if plan.act in (WINDOW, MIRROR_WINDOW):
        of_mirror = plan.act == MIRROR_WINDOW
        stage, begin = stage_window(rng, site, plan.label, plan.seconds, of_mirror)
        return stage, begin, (0.0, plan.seconds)
    stage, span = stage_clip(rng, site, plan.act, plan.seconds)
    return stage, 0.0, span


def _render_untrimmed(task: _Task, recording: Recording) -> dict[str, Any]:
    settings = task.settings
    rng = np.random.default_rng([settings.seed, task.recording, 1])
    stage, events = stage_recording(rng, recording.site, settings.untrimmed_seconds)
    name = f'{recording_name(task.recording)}.mp4'
    file = task.root / 'untrimmed' / name
    if not file.exists():
        num_frames = round(settings.untrimmed_seconds * settings.fps)
        frames = recording.frames(stage, num_frames, settings.fps, rng)
        write_video(file, frames, settings.fps, TUNE)
    return {
        name: {
            'duration_seconds': round(settings.untrimmed_seconds * settings.fps) / settings.fps,
            'events': [asdict(event) for event in events],
        }
    }


def _write_annotations(root: Path, plans: list[ClipPlan], num_recordings: int, seed: int) -> None:
    for split, recordings in split_recordings(num_recordings, seed).items():
        chosen = [plan for plan in plans if plan.recording in set(recordings)]
        clips = [Clip(plan.path, LABELS.index(plan.label)) for plan in chosen]
        write_annotations(root / f'{split}.txt', clips)
        clips = [
            Clip(plan.path, LABELS.index(plan.label), recording=plan.recording_name)
            for plan in chosen
        ]
        write_annotations(root / f'{split}.csv', clips, LABELS)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    with write_atomically(file) as stream:
        json.dump(content, stream, indent=1)
        stream.write('\n')
