"""A reviewer who knows the truth: verdicts on alarms, then on the windows that are least sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo_yard.acting.acts import OTHER
from mmaction_timesformer.detection.quality.command import Results
from mmaction_timesformer.detection.quality.truth import TrueEvent
from mmaction_timesformer.learning.corrections import Corrections
from video_clips.clip import Clip

SPAN_SECONDS = 4.0
SHOWN = 0.2
"""Share of a true event in a span of time from which the reviewer sees it there."""


@dataclass(frozen=True)
class Verdicts:
    """Verdicts that were given.

    Attributes:
        corrections: Clips with their right labels.
        num_alarms: Alarms among them.
        num_windows: Windows among them.
    """

    corrections: Corrections
    num_alarms: int
    num_windows: int


def review(results: Results, recordings: Path, count: int, classes: Sequence[str]) -> Verdicts:
    """Give verdicts.

    Args:
        results: A day's events.
        recordings: Folder of the day's recordings.
        count: Of verdicts.
        classes: Names of the labels.
    """
    clips = []
    for name, events in results.events.items():
        truth = results.truth[name].events
        for event in events:
            span = (event.start_seconds, event.end_seconds)
            clips.append(_clip(recordings / Path(name).name, span, truth, classes))
    num_alarms = min(len(clips), count)
    clips = clips[:count]
    seen = [(clip.path, clip.start_seconds or 0.0, clip.end_seconds or 0.0) for clip in clips]
    for name, seconds in least_sure(results):
        if len(clips) >= count:
            break
        span = (max(0.0, seconds - SPAN_SECONDS / 2), seconds + SPAN_SECONDS / 2)
        path = str(recordings / Path(name).name)
        if any(path == other and span[0] < end and start < span[1] for other, start, end in seen):
            continue
        seen.append((path, *span))
        clips.append(_clip(Path(path), span, results.truth[name].events, classes))
    return Verdicts(Corrections.of(clips, classes), num_alarms, len(clips) - num_alarms)


def least_sure(results: Results) -> list[tuple[str, float]]:
    """Recording and centre of all windows, those with the least certain answers first."""
    rows = [
        (name, window.seconds, max(window.scores))
        for name, windows in results.scores.items()
        for window in windows
    ]
    order = np.argsort([surest for *_, surest in rows], kind='stable')
    return [rows[place][:2] for place in order]


def _clip(
    path: Path, span: tuple[float, float], truth: Sequence[TrueEvent], classes: Sequence[str]
) -> Clip:
    label = true_label(span, truth)
    return Clip(str(path.resolve()), classes.index(label), path.stem, *span)


def true_label(span: tuple[float, float], truth: Sequence[TrueEvent]) -> str:
    """The danger that a span of time shows most of, or ``Other``."""

    def share(event: TrueEvent) -> float:
        inside = min(span[1], event.end_seconds) - max(span[0], event.start_seconds)
        return inside / (event.end_seconds - event.start_seconds)

    best = max(truth, key=share, default=None)
    return OTHER if best is None or share(best) < SHOWN else best.label
