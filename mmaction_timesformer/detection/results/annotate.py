"""Annotated copies of recordings, and a picture and clip of each event."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.drawing import Panel, ScoresOverTime
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.sources.sources import Source, file_name
from mmaction_timesformer.detection.windows import TimedFrame
from video_clips.whole_files import written_beside
from video_clips.writing import open_writer

MIN_WIDTH, MAX_WIDTH = 320, 1280
CLIP_MARGIN_SECONDS = 2.0
MAX_CLIP_SECONDS = 60.0
"""Of a longer event the clip shows the beginning."""


class UnfinishedError(Exception):
    """The run was asked to end before this was complete."""


@dataclass(frozen=True)
class Shown:
    """The results of one recording.

    Attributes:
        windows: Its scored windows.
        events: Its events.
        classes: The model's classes.
        labels: Those that are dangers.
        duration_seconds: How long it is.
    """

    windows: Sequence[ScoredWindow]
    events: Sequence[DangerEvent]
    classes: Sequence[str]
    labels: Sequence[str]
    duration_seconds: float


def annotate_video(
    source: Source, shown: Shown, file: Path, stop: threading.Event | None = None
) -> None:
    """Write a copy of a recording with its probabilities and a timeline below the picture.

    Frames keep their times. Where the first comes later than 0, it is shown from 0 on, so that
    every player agrees on the times.

    Args:
        source: The recording, a file.
        shown: Its results.
        file: The mp4 to write.
        stop: Set it to give up.

    Raises:
        VideoError: The recording cannot be read.
        UnfinishedError: `stop` was set.
    """
    scores = ScoresOverTime(shown.windows, shown.classes)
    panel: Panel | None = None
    with open_writer(file) as output:
        for frame in frames_from(source, 0.0, stop):
            picture = _fit(frame.picture())
            is_first = panel is None
            if panel is None:
                panel = Panel(picture.shape[1], shown.labels, shown.events, shown.duration_seconds)
            below = panel.draw(frame.seconds, scores.at(frame.seconds))
            annotated = np.concatenate([picture, below])
            if is_first and frame.seconds > 0:
                output.write(annotated, 0.0)
            output.write(annotated, frame.seconds)


def save_event_media(
    source: Source,
    events: Sequence[DangerEvent],
    folder: Path,
    stop: threading.Event | None = None,
) -> dict[str, tuple[Path, Path]]:
    """Write a picture of each event's peak and a clip of it with some time around.

    Args:
        source: The recording, a file.
        events: Its events.
        folder: Where to; files that are there already are left alone.
        stop: Set it to give up.

    Returns:
        Picture and clip by the event's id.

    Raises:
        VideoError: The recording cannot be read.
        UnfinishedError: `stop` was set.
    """
    media = {}
    for event in events:
        name = media_name(event)
        snapshot, clip = folder / f'{name}.jpg', folder / f'{name}.mp4'
        if not (snapshot.exists() and clip.exists()):
            _save_event(source, event, snapshot, clip, stop)
        media[event.event_id] = snapshot, clip
    return media


def _save_event(
    source: Source,
    event: DangerEvent,
    snapshot: Path,
    clip: Path,
    stop: threading.Event | None,
) -> None:
    start = max(0.0, event.start_seconds - CLIP_MARGIN_SECONDS)
    end = min(event.end_seconds + CLIP_MARGIN_SECONDS, start + MAX_CLIP_SECONDS)
    nearest: tuple[float, np.ndarray] | None = None
    with open_writer(clip) as output:
        for frame in frames_from(source, start, stop):
            if frame.seconds < start:
                continue
            if frame.seconds > max(end, event.peak_seconds) and nearest is not None:
                break
            distance = abs(frame.seconds - event.peak_seconds)
            is_in_clip = frame.seconds <= end
            is_nearer = nearest is None or distance < nearest[0]
            if not (is_in_clip or is_nearer):
                continue
            picture = _fit(frame.picture())
            if is_in_clip:
                output.write(picture, frame.seconds - start)
            if is_nearer:
                nearest = distance, picture
    if nearest is not None:
        with written_beside(snapshot) as partial:
            Image.fromarray(np.ascontiguousarray(nearest[1])).save(partial, quality=88)


def media_name(event: DangerEvent) -> str:
    """A file name for an event: where, what, when."""
    what = re.sub(r'[^\w-]+', '_', event.label)
    return f'{file_name(event.source)}_{event.start_seconds:09.2f}_{what}'


def frames_from(
    source: Source, from_seconds: float, stop: threading.Event | None = None
) -> Iterator[TimedFrame]:
    """Frames of a recording, from a keyframe at or before a moment on.

    Raises:
        VideoError: The recording cannot be read.
        UnfinishedError: `stop` was set.
    """
    with SourceReader(source, timeout_seconds=10.0, square_pixels='all') as reader:
        for item in reader.frames(from_seconds):
            if stop is not None and stop.is_set():
                raise UnfinishedError(f'{source.name}: the run was asked to end')
            if not isinstance(item, Break):
                yield item


def _fit(picture: np.ndarray) -> np.ndarray:
    """Shrink a picture that is wider than a page; set a tiny one on black."""
    height, width = picture.shape[:2]
    if width > MAX_WIDTH:
        size = (MAX_WIDTH, max(2, round(height * MAX_WIDTH / width)))
        picture = np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size))
        height, width = picture.shape[:2]
    missing = max(MIN_WIDTH - width, 0)
    sides = ((0, height % 2), (missing // 2, missing - missing // 2 + width % 2 * (not missing)))
    return np.pad(picture, (*sides, (0, 0)))
