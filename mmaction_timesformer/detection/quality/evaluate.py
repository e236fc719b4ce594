"""Metrics of events: overlap in time, false alarms per hour, delay.

A found event is right if it has the label of a true one and their intersection over union in time
(tIoU) reaches a threshold. Each true event counts once, and the found event with the higher mean
score is matched first. A second alarm for the same event is a false one.

Legend: S recordings, N found events, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.evaluation.resampling import (
    interval,
    positive_interval,
    resampled_weights,
    share_interval,
)
from mmaction_timesformer.evaluation.weighted_metrics import mean_of_defined

THRESHOLDS = (0.3, 0.5, 0.7)

# An alarm may come before the event, so a delay may lie below 0.
_INTERVALS = {
    'false_alarms_per_hour': positive_interval,
    'median_delay_seconds': interval,
    'late_delay_seconds': interval,
}


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


def average_precision(
    is_right: np.ndarray, num_true: np.ndarray | float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Area under the curve of precision over recall, at each recall the best precision beyond it.

    Args:
        is_right: (N,) bool, found events from the surest on.
        num_true: How many true events there are, (R,) or a number.
        weights: (R, N), how often each found event counts; by default once.

    Returns:
        (R,) or a number; NaN where there are no true events.
    """
    weights = np.ones(len(is_right)) if weights is None else weights
    hits, found = (np.cumsum(which * weights, axis=-1) for which in (is_right, 1))
    with np.errstate(invalid='ignore', divide='ignore'):
        precision = np.where(found > 0, hits / found, 0.0)
        best = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
        return np.divide((best * is_right * weights).sum(axis=-1), num_true)


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """NumPy's quantile of values (N,) that occur as often as (R, N) whole weights say.

    Returns:
        (R,); NaN where no value occurs.
    """
    order = np.argsort(values)
    reached = np.cumsum(weights[:, order], axis=1)
    num_values = reached[:, -1] if len(values) else np.zeros(len(weights))
    place = share * np.maximum(num_values - 1, 0)

    def value_at(number: np.ndarray) -> np.ndarray:
        return values[order][(reached <= number[:, None]).sum(axis=1)]

    result = np.full(len(weights), np.nan)
    occurs = num_values > 0
    place, reached = place[occurs], reached[occurs]
    low, high = value_at(np.floor(place)), value_at(np.ceil(place))
    result[occurs] = low + (place % 1) * (high - low)
    return result


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
class EventMetrics:
    """How well the events of one class, or of all, were found at one threshold of tIoU.

    Attributes:
        label: The class, or ``all``.
        threshold: tIoU from which an event is right.
        num_true: True events.
        num_found: Reported events, right or not.
        num_right: Those that are right.
        precision: Share of the found events that are right.
        recall: Share of the true events that were found.
        f1: Their harmonic mean.
        average_precision: Over all found events from the surest on; for ``all`` the mean over
            classes.
        false_alarms_per_hour: Found events that are not right, per hour of recording.
        median_delay_seconds: From the start of a true event to its alarm.
        late_delay_seconds: The delay that 95 % stay below.
    """

    label: str
    threshold: float
    num_true: int
    num_found: int
    num_right: int
    precision: Figure
    recall: Figure
    f1: Figure
    average_precision: Figure
    false_alarms_per_hour: Figure
    median_delay_seconds: Figure
    late_delay_seconds: Figure


@dataclass(frozen=True)
class _Matches:
    """The found events of one class, from the surest on, and the true ones.

    Attributes:
        places: (N,) in which recording each was found.
        delays: (N,) seconds from the start of the true event to its alarm; NaN if it is not right.
        true: (S,) true events of each recording.
    """

    places: np.ndarray
    delays: np.ndarray
    true: np.ndarray


def evaluate_events(
    found: Mapping[str, Sequence[DangerEvent]],
    truth: Mapping[str, TrueRecording],
    hours: Mapping[str, float],
    labels: Sequence[str],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[EventMetrics]:
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
        matches = {label: _match(recordings, found, truth, label, threshold) for label in labels}
        rows = [('all', list(matches.values())), *((name, [one]) for name, one in matches.items())]
        figures += [_figures(name, threshold, some, durations, weights) for name, some in rows]
    return figures


def _match(
    recordings: Sequence[str],
    found: Mapping[str, Sequence[DangerEvent]],
    truth: Mapping[str, TrueRecording],
    label: str,
    threshold: float,
) -> _Matches:
    true = np.zeros(len(recordings))
    ranked: list[tuple[float, int, float]] = []
    for place, name in enumerate(recordings):
        here = [event for event in truth[name].events if event.label == label]
        true[place] = len(here)
        surest_first = sorted(
            (event for event in found.get(name, ()) if event.label == label),
            key=lambda event: -event.mean_score,
        )
        matches = match_events(surest_first, here, threshold)
        for event, match in zip(surest_first, matches, strict=True):
            delay = float('nan') if match is None else event.alarm_seconds - match.start_seconds
            ranked.append((event.mean_score, place, delay))
    ranked.sort(key=lambda row: -row[0])
    places = np.array([place for _, place, _ in ranked], dtype=int)
    return _Matches(places, np.array([delay for *_, delay in ranked], dtype=float), true)


def _figures(
    label: str,
    threshold: float,
    classes: Sequence[_Matches],
    hours: np.ndarray,
    weights: np.ndarray,
) -> EventMetrics:
    together, each_alone = np.ones((1, len(hours))), np.eye(len(hours))
    point, alone, resampled = (_rates(classes, hours, w) for w in (together, each_alone, weights))
    figures = {}
    for name, (value,) in point.items():
        # A recording without an event tells nothing of a share of events.
        num_telling = int(np.isfinite(alone[name]).sum())
        find = _INTERVALS.get(name, share_interval)
        figures[name] = Figure(float(value), *find(resampled[name], value, num_telling))
    return EventMetrics(
        label,
        threshold,
        num_true=int(sum(matches.true.sum() for matches in classes)),
        num_found=sum(len(matches.places) for matches in classes),
        num_right=int(sum(np.isfinite(matches.delays).sum() for matches in classes)),
        **figures,
    )


def _rates(
    classes: Sequence[_Matches], hours: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Figures (R,) by name for weights (R, S) of the recordings."""
    delays = np.concatenate([matches.delays for matches in classes])
    found = weights[:, np.concatenate([matches.places for matches in classes])]
    is_right = ~np.isnan(delays)
    right, wrong = found @ is_right, found @ ~is_right
    true = weights @ sum(matches.true for matches in classes)
    median, late = (
        weighted_quantile(delays[is_right], found[:, is_right], share) for share in (0.5, 0.95)
    )
    with np.errstate(invalid='ignore', divide='ignore'):
        return {
            'precision': right / (right + wrong),
            'recall': right / true,
            'f1': 2 * right / (right + wrong + true),
            'average_precision': _mean_average_precision(classes, weights),
            'false_alarms_per_hour': wrong / (weights @ hours),
            'median_delay_seconds': median,
            'late_delay_seconds': late,
        }


def _mean_average_precision(classes: Sequence[_Matches], weights: np.ndarray) -> np.ndarray:
    of_classes = [
        average_precision(~np.isnan(m.delays), weights @ m.true, weights[:, m.places])
        for m in classes
    ]
    return mean_of_defined(np.stack(of_classes, axis=-1))
