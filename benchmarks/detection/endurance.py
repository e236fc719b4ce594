"""An hour of video, faster than real time, in one go and killed on the way: memory and events.

The model is a stand-in that reads colours, so that the truth is known to the frame and the machine
keeps up. A recording that keeps a pace tests memory and the going on after a kill; a live source,
pictures that FFmpeg makes without end, goes the way of cameras and network streams.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from benchmarks.clips.analysis_runs import memory_of_tree
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.quality.evaluate import match_events
from mmaction_timesformer.detection.quality.truth import TrueEvent
from mmaction_timesformer.detection.results.event_log import read_events, read_records
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES, read_history
from mmaction_timesformer.detection.running import run, stop_on_signals
from mmaction_timesformer.detection.sources.sources import parse_source
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings

FPS = 10
PERIOD_SECONDS, EVENT_START, EVENT_SECONDS = 60, 20, 12
MIN_SECONDS = 2.0
"""Shorter detections do not count as events."""
CLASSES = ('Danger', 'Other')
_NAME = 'an hour'


def render_hour(file: Path, seconds: int) -> None:
    """Write a video that turns red for twelve seconds of each minute."""
    with av.open(str(file), 'w') as container:
        stream = container.add_stream('libx264', rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 120, 'yuv420p'
        stream.options = {'preset': 'ultrafast', 'g': str(10 * FPS)}
        stream.codec_context.time_base = Fraction(1, FPS)
        picture = np.full((120, 160, 3), 30, np.uint8)
        for number in range(seconds * FPS):
            phase = number / FPS % PERIOD_SECONDS - EVENT_START
            picture[..., 0] = 220 if 0 <= phase < EVENT_SECONDS else 30
            frame = av.VideoFrame.from_ndarray(picture, 'rgb24')
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def camera(pace: float) -> str:
    """A live source that shows what `render_hour` writes, from its beginning when it is opened."""
    phase = f'mod(t,{PERIOD_SECONDS})-{EVENT_START}'
    return (
        f'lavfi:color=c=0x1e1e1e:size=160x120:rate={FPS},'
        f"drawbox=color=0xdc1e1e:t=fill:enable='gte({phase},0)*lt({phase},{EVENT_SECONDS})',"
        f'realtime=speed={pace}'
    )


def _read_red(clips: Tensor) -> Tensor:
    """Clips (B, 3, T, H, W) to the probabilities of `CLASSES`, (B, 2)."""
    red = (clips[:, 0].mean(dim=(1, 2, 3)) / 220).clamp(0, 1)
    return torch.stack([red, 1 - red], dim=1)


def _prepare(picture: np.ndarray) -> Tensor:
    """As large as a picture for a small TimeSformer, so that memory is that of one."""
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    return torch.nn.functional.interpolate(pixels, size=(112, 112))


def watch_hour(source: str, folder: str, pace: float) -> None:
    """Watch a video at a multiple of its pace, or a live source; go on where a killed run stopped.

    Args:
        source: See `parse_source`.
        folder: Of the results.
        pace: Of a video.
    """
    rule = EventRule('none', 0.0, 0.6, 0.4, MIN_SECONDS, 2.0)
    settings = WatchSettings(WindowSettings(8, 4.0, 0.5), batch_size=8, queue_size=1000)
    detector = DangerDetector(_read_red, _prepare, CLASSES, {'Danger': rule}, settings, 'red')
    watched = replace(parse_source(source), name=_NAME)
    if not watched.is_live:
        watched = replace(watched, pace=pace)
    with stop_on_signals() as stop:
        run(detector, [watched], folder, stop=stop)


@dataclass
class _Trial:
    """One source watched into one folder, by one process after the other.

    Attributes:
        command: What a process runs.
        folder: Of the results.
        true: What is to be found.
        memory: For each process, how far the source was scored and MiB, while it was at work.
    """

    command: Sequence[str]
    folder: Path
    true: list[TrueEvent] = field(default_factory=list)
    memory: list[list[tuple[float, float]]] = field(default_factory=list)

    @property
    def position(self) -> float:
        """How far the source has been scored."""
        return _position(self.folder / SCORES)

    def watch(self, seconds: float = math.inf, then: signal.Signals = signal.SIGKILL) -> None:
        """Let a process watch so much more of the source, or all of it."""
        process = subprocess.Popen(self.command)
        begun_at = last = self.position
        samples: list[tuple[float, float]] = []
        self.memory.append(samples)
        while process.poll() is None and last < begun_at + seconds:
            time.sleep(0.1)
            position, mib = self.position, memory_of_tree(process.pid)
            # A process that does not score is not at work, and one that has just ended has none.
            if position > last and mib:
                samples.append((position, mib))
                last = position
        process.send_signal(then)
        if process.wait() not in (0, -signal.SIGKILL):
            raise RuntimeError(f'{" ".join(self.command)} ended with {process.returncode}')

    def expect(self, origin: float, until: float) -> None:
        """The true events of a showing that begins at `origin` and is watched until `until`."""
        start = origin + EVENT_START
        while start + MIN_SECONDS <= until:
            self.true.append(TrueEvent(CLASSES[0], start, min(start + EVENT_SECONDS, until)))
            start += PERIOD_SECONDS

    def figures(self, name: str) -> dict[str, Any]:
        """Outcome for the record; memory is that of the last process."""
        records = list(read_records(self.folder / EVENTS))
        told = [
            (record['event_id'], record['state'], record['end_seconds'])
            for record in records
            if record['record'] == 'event'
        ]
        events = [event for event in read_events(self.folder / EVENTS) if event.state == 'closed']
        num_found = sum(match is not None for match in match_events(events, self.true, 0.7))
        samples = self.memory[-1]
        first, last = samples[0][0], samples[-1][0]
        settled = [mib for position, mib in samples if position >= first + 0.1 * (last - first)]
        return {
            'trial': name,
            'true_events': len(self.true),
            'events': len(events),
            'events_lost': len(self.true) - num_found,
            'records_told_twice': len(told) - len(set(told)),
            'gaps': sum(r['record'] == 'gap' and r['end_seconds'] is not None for r in records),
            'windows': sum(1 for _ in (self.folder / SCORES).open()) - 1,
            'mib_after_a_tenth': round(settled[0]),
            'mib_at_the_end': round(settled[-1]),
            'mib_peak': round(max(mib for _, mib in samples)),
            'mib_over_time': [
                [round(position), round(mib)]
                for position, mib in samples[:: max(1, len(samples) // 60)]
            ],
        }


def measure_endurance(
    tool: Sequence[str], folder: Path, seconds: int, pace: float
) -> list[dict[str, Any]]:
    """Watch an hour in one go, with a kill on the way, and from a live source with a kill.

    Each kill is aimed at the middle of an event, and the same command is started again.

    Args:
        tool: The command that calls `watch_hour` with the source, the folder and the pace.
        folder: An empty folder.
        seconds: Length of the hour.
        pace: How many times as fast as recorded.

    Returns:
        Figures of each trial for the record.
    """
    video = folder / 'hour.mp4'
    render_hour(video, seconds)

    def trial(name: str, source: str) -> _Trial:
        out = folder / name
        return _Trial([sys.executable, *tool, source, str(out), str(pace)], out)

    periods_before = round(0.4 * seconds / PERIOD_SECONDS)
    until_kill = periods_before * PERIOD_SECONDS + EVENT_START + 0.7 * EVENT_SECONDS

    whole = trial('whole', str(video))
    whole.watch()
    whole.expect(0.0, seconds)

    killed = trial('killed', str(video))
    killed.watch(until_kill)
    killed.watch()
    killed.expect(0.0, seconds)

    live = trial('live', camera(pace))
    live.watch(until_kill)
    live.expect(0.0, live.position)
    # Until right after an event, so that the end cuts none, however late the signal comes.
    periods_after = max(0, int((seconds - live.position) / PERIOD_SECONDS) - 1)
    after_event = EVENT_START + EVENT_SECONDS + 4
    live.watch(periods_after * PERIOD_SECONDS + after_event, signal.SIGTERM)
    (gap,) = read_history(live.folder / EVENTS)[_NAME].gaps
    assert gap.end_seconds is not None
    live.expect(gap.end_seconds, live.position)

    return [
        whole.figures('a recording in one go'),
        killed.figures('a recording, killed'),
        live.figures('a live source, killed'),
    ]


def _position(scores: Path) -> float:
    """Time of the last whole line of the score log; 0 without one."""
    if not scores.exists():
        return 0.0
    with scores.open('rb') as stream:
        stream.seek(max(0, os.path.getsize(scores) - 4096))
        lines = stream.read().split(b'\n')[:-1]
    words = lines[-1].split(b',') if lines else []
    return float(words[1]) if len(words) > 2 and words[1] != b'seconds' else 0.0
