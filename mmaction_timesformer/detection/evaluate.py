"""How well events were found: by overlap in time, by false alarms an hour, by delay.

A found event is right if it has the label of a true one and their intersection over union in time
(tIoU) reaches a threshold. Each true event counts once; surer events choose first. A second alarm
for the same event is a false one.

Legend: S recordings, K classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmaction_timesformer.detection.events import DangerEvent
from mmaction_timesformer.detection.truth import TrueEvent, TrueRecording
from mmaction_timesformer.evaluation.resampling import (
    positive_interval,
    resampled_weights,
    share_interval,
)

THRESHOLDS = (0.3, 0.5, 0.7)


class Span(Protocol):
    """Anything from a start to an end."""

    @property
    def start_seconds(self) -> float:
        """When it begins."""

    @property
    def end_seconds(self) -> float:
        """When it ends."""


def temporal_iou(first: Span, second: Span) -> float:
    """Intersection over union of two spans of time."""
    start = max(first.start_seconds, second.start_seconds)
    end = min(first.end_seconds, second.end_seconds)
    outer = max(first.end_seconds, second.end_seconds) - min(
        first.start_seconds, second.start_seconds
    )
    return max(0.0, end - start) / outer if outer > 0 else 0.0


def match_events(
    found: Sequence[DangerEvent], true: Sequence[TrueEvent], threshold: float
) -> list[TrueEvent | None]:
    """For each found event, in the order given, the true one that it is; both of one label."""
    remaining = list(true)
    matches: list[TrueEvent | None] = []
    for event in found:
        best = max(remaining, key=lambda other: temporal_iou(event, other), default=None)
        if best is not None and temporal_iou(event, best) >= threshold:
            remaining.remove(best)
            matches.append(best)
        else:
            matches.append(None)
    return matches


def average_precision(is_right: np.ndarray, num_true: int) -> float:
    """Area under the curve of precision over recall, at each recall the best precision beyond it.

    Args:
        is_right: (N,) bool, found events from the surest on.
        num_true: How many true events there are.
    """
    if not num_true:
        return float('nan')
    hits = np.cumsum(is_right)
    precision = hits / np.arange(1, len(is_right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[is_right].sum() / num_true)


@dataclass(frozen=True)
class Figure:
    """A number and its 95 % interval, NaN where it cannot be told."""

    value: float
    low: float = float('nan')
    high: float = float('nan')

    def __str__(self) -> str:
        if np.isnan(self.value):
            return '-'
        if np.isnan(self.low):
            return f'{self.value:.2f}'
        return f'{self.value:.2f} ({self.low:.2f} to {self.high:.2f})'


@dataclass(frozen=True)
class EventFigures:
    """How well the events of one class, or of all, were found at one threshold of tIoU.

    Attributes:
        label: The class, or ``all``.
        threshold: tIoU from which an event is right.
        num_true: True events.
        num_found: Found events.
        precision: Share of the found events that are right.
        recall: Share of the true events that were found.
        f1: Their harmonic mean.
        average_precision: Over all found events from the surest on; for ``all`` the mean over
            classes.
        false_alarms_per_hour: Found events that are not right, an hour of recording.
        median_delay_seconds: From the start of a true event to its alarm.
        late_delay_seconds: The delay that 95 % stay below.
    """

    label: str
    threshold: float
    num_true: int
    num_found: int
    precision: Figure
    recall: Figure
    f1: Figure
    average_precision: float
    false_alarms_per_hour: Figure
    median_delay_seconds: float
    late_delay_seconds: float


@dataclass(frozen=True)
class _ClassCounts:
    """What is counted of one class in each recording.

    Attributes:
        right: (S,) found events that are right.
        wrong: (S,) found events that are not.
        true: (S,) true events.
        delays: Seconds from start to alarm of those found.
        average_precision: Over all recordings.
    """

    right: np.ndarray
    wrong: np.ndarray
    true: np.ndarray
    delays: list[float]
    average_precision: float


def evaluate_events(
    found: Mapping[str, Sequence[DangerEvent]],
    truth: Mapping[str, TrueRecording],
    hours: Mapping[str, float],
    labels: Sequence[str],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[EventFigures]:
    """Compare found events with true ones.

    Intervals are over recordings, which are drawn again with all that happens in them.

    Args:
        found: Found events of each recording.
        truth: The recordings; those that nothing was found in count as much.
        hours: How long each recording is.
        labels: The classes.
        thresholds: Of tIoU.

    Returns:
        For each threshold the figures of all classes together, then of each.
    """
    recordings = list(truth)
    durations = np.array([hours[name] for name in recordings])
    weights = np.concatenate(list(resampled_weights(np.arange(len(recordings)))))
    figures = []
    for threshold in thresholds:
        counts = {label: _count(recordings, found, truth, label, threshold) for label in labels}
        rows = [('all', _sum_of(list(counts.values()))), *counts.items()]
        figures += [
            _figures(label, threshold, of_class, durations, weights) for label, of_class in rows
        ]
    return figures


def _count(
    recordings: Sequence[str],
    found: Mapping[str, Sequence[DangerEvent]],
    truth: Mapping[str, TrueRecording],
    label: str,
    threshold: float,
) -> _ClassCounts:
    right, wrong, true = (np.zeros(len(recordings)) for _ in range(3))
    delays: list[float] = []
    ranked: list[tuple[float, bool]] = []
    for place, name in enumerate(recordings):
        here = [event for event in truth[name].events if event.label == label]
        surest_first = sorted(
            (event for event in found.get(name, ()) if event.label == label),
            key=lambda event: -event.mean_score,
        )
        matches = match_events(surest_first, here, threshold)
        true[place] = len(here)
        right[place] = sum(match is not None for match in matches)
        wrong[place] = len(matches) - right[place]
        for event, match in zip(surest_first, matches, strict=True):
            ranked.append((event.mean_score, match is not None))
            if match is not None:
                delays.append(event.alarm_seconds - match.start_seconds)
    ranked.sort(key=lambda pair: -pair[0])
    is_right = np.array([is_match for _, is_match in ranked], dtype=bool)
    return _ClassCounts(right, wrong, true, delays, average_precision(is_right, int(true.sum())))


def _sum_of(counts: Sequence[_ClassCounts]) -> _ClassCounts:
    precisions = [c.average_precision for c in counts if not np.isnan(c.average_precision)]
    return _ClassCounts(
        np.sum([c.right for c in counts], axis=0),
        np.sum([c.wrong for c in counts], axis=0),
        np.sum([c.true for c in counts], axis=0),
        [delay for c in counts for delay in c.delays],
        float(np.mean(precisions)) if precisions else float('nan'),
    )


def _figures(
    label: str, threshold: float, counts: _ClassCounts, hours: np.ndarray, weights: np.ndarray
) -> EventFigures:
    together, each_alone = np.ones((1, len(hours))), np.eye(len(hours))
    point, alone, resampled = (_rates(counts, hours, w) for w in (together, each_alone, weights))
    figures = {}
    for name, (value,) in point.items():
        find = positive_interval if name == 'false_alarms_per_hour' else share_interval
        # A recording without an event tells nothing of a share of events.
        num_telling = int(np.isfinite(alone[name]).sum())
        figures[name] = Figure(float(value), *find(resampled[name], value, num_telling))
    delays = counts.delays
    return EventFigures(
        label,
        threshold,
        int(counts.true.sum()),
        int((counts.right + counts.wrong).sum()),
        **figures,
        average_precision=counts.average_precision,
        median_delay_seconds=float(np.median(delays)) if delays else float('nan'),
        late_delay_seconds=float(np.quantile(delays, 0.95)) if delays else float('nan'),
    )


def _rates(counts: _ClassCounts, hours: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Figures (R,) by name for weights (R, S) of the recordings."""
    right, wrong, true = (weights @ c for c in (counts.right, counts.wrong, counts.true))
    with np.errstate(invalid='ignore', divide='ignore'):
        return {
            'precision': right / (right + wrong),
            'recall': right / true,
            'f1': 2 * right / (right + wrong + true),
            'false_alarms_per_hour': wrong / (weights @ hours),
        }
