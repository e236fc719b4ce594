"""Exports of verdicts and labels, in the forms that other tools read.

================== ==============================================================================
truth JSON         true events of recordings, as ``tools/evaluate_events.py`` reads them
annotations CSV    clips with their classes, as training and ``tools/continue_training.py`` do
frames CSV         the same by first and last frame, for CVAT's and FiftyOne's users
================== ==============================================================================
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.web.catalogue import Catalogue, Recording
from mmaction_timesformer.web.store import Store
from video_clips.clip import Clip
from video_clips.reading.video import open_video


@dataclass(frozen=True)
class Annotation:
    """An interval of a source with the class that a person gave it.

    Attributes:
        source: The recording or camera.
        label: The class; `SAFE_CLASS` where an alarm was wrong.
        start_seconds: When it begins.
        end_seconds: When it ends.
        recording: The file, if it is here.
    """

    source: str
    label: str
    start_seconds: float
    end_seconds: float
    recording: Recording | None


def judged_intervals(store: Store, catalogue: Catalogue) -> list[Annotation]:
    """Every interval that somebody has judged, in order of source and time.

    Intervals of one class that overlap are one: an alarm and one drawn by hand may mean the same.
    """
    found = []
    for state in store.states().values():
        if not state['says'] or (state['says'] == 'wrong' and not state['shown_label']):
            continue  # taken back, or an interval that was drawn by hand and removed
        label = SAFE_CLASS if state['says'] == 'wrong' else state['label']
        span = state['start_seconds'], state['end_seconds']
        found.append(Annotation(state['source'], label, *span, None))
    files = {source: catalogue.of_source(source) for source in {a.source for a in found}}
    return [
        Annotation(a.source, a.label, a.start_seconds, a.end_seconds, files[a.source])
        for a in _merged(found)
    ]


def _merged(found: Iterable[Annotation]) -> Iterator[Annotation]:
    last: Annotation | None = None
    for one in sorted(found, key=lambda a: (a.source, a.label, a.start_seconds, a.end_seconds)):
        if (
            last is not None
            and (one.source, one.label) == (last.source, last.label)
            and one.start_seconds < last.end_seconds
            and one.label != SAFE_CLASS
        ):
            end = max(last.end_seconds, one.end_seconds)
            last = Annotation(last.source, last.label, last.start_seconds, end, None)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def truth(found: Sequence[Annotation], durations: dict[str, float]) -> dict[str, Any]:
    """True events of recordings, as `read_truth` reads them.

    Args:
        found: The annotations.
        durations: The recordings to list, in seconds; 0 where it is not known.
    """
    content: dict[str, Any] = {}
    for source, seconds in durations.items():
        events = [
            {'label': a.label, 'start_seconds': a.start_seconds, 'end_seconds': a.end_seconds}
            for a in sorted(found, key=lambda a: a.start_seconds)
            if a.source == source and a.label != SAFE_CLASS
        ]
        content[source] = {'events': events}
        if seconds > 0:
            ends = [a.end_seconds for a in found if a.source == source]
            content[source]['duration_seconds'] = max([seconds, *ends])
    return content


def training_clips(
    found: Sequence[Annotation], classes: Sequence[str], absolute: bool
) -> tuple[list[Clip], tuple[str, ...]]:
    """Annotated parts of recordings that are here, and the names of their classes.

    Args:
        found: The annotations.
        classes: Those of the model, in index order; others come after them.
        absolute: Whether paths are whole, or below the folder of recordings.
    """
    new = sorted({a.label for a in found} - set(classes))
    names = (*classes, *new)
    clips = [
        Clip(
            str(a.recording.path) if absolute else a.recording.name,
            names.index(a.label),
            camera_of(a.recording),
            a.start_seconds,
            a.end_seconds,
        )
        for a in found
        if a.recording is not None
    ]
    return clips, names


def camera_of(recording: Recording) -> str:
    """The camera of a recording: the folder that it lies in."""
    return recording.path.parent.name or recording.path.stem


def frames_csv(found: Sequence[Annotation]) -> str:
    """A table of frames: the first of an interval and its last, counted from 0."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    names = ('start_seconds', 'end_seconds', 'first_frame', 'last_frame')
    table.writerow(['filepath', 'label', *names])
    for one in found:
        if one.recording is None:
            continue
        seconds = frame_seconds(one.recording.path, one.recording.path.stat().st_mtime_ns)
        first = min(int(np.searchsorted(seconds, one.start_seconds)), len(seconds) - 1)
        last = max(first, int(np.searchsorted(seconds, one.end_seconds)) - 1)
        span = (one.start_seconds, one.end_seconds, first, last)
        table.writerow([guarded(one.recording.name), guarded(one.label), *span])
    return text.getvalue()


@lru_cache(maxsize=64)
def frame_seconds(path: Path, stamp: int) -> np.ndarray:
    """When each frame of a video is shown; the stamp tells versions of the file apart."""
    with open_video(path) as video:
        return np.asarray(video.seconds)


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ('=', '+', '-', '@') else text
