"""Choose each class's thresholds on validation recordings, for a tolerable rate of false alarms.

The scores exist already, so a threshold is tried by sending them through the automaton again. The
rest of a rule, its smoothing and its lengths, stays as it is in the config: tuned along with the
thresholds on an hour of recordings, it did no better on others. The allowed false alarms are shared
among the classes so that their total worth is highest. A threshold is worth its F1 and that of its
neighbours, where a right event counts by its tIoU: of thresholds that find the same events, the one
with the best boundaries is used. If even the highest thresholds exceed the allowed rate, they are
used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from mmaction_timesformer.detection.events.automaton import ClassAutomaton
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule, score_column
from mmaction_timesformer.detection.events.smoothing import Sample, make_smoother
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import match_events, temporal_iou
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from video_clips.whole_files import write_atomically

ENTER = (*(round(0.05 * step, 2) for step in range(4, 20)), 0.97, 0.98, 0.99)


@dataclass(frozen=True)
class ScoredRecordings:
    """Recordings whose scores and true events are known.

    Attributes:
        scores: The windows of each recording.
        truth: Its true events.
        classes: The model's classes in index order.
        hours: How long all recordings are together.
        hop_seconds: Distance of windows.
    """

    scores: Mapping[str, Sequence[ScoredWindow]]
    truth: Mapping[str, TrueRecording]
    classes: Sequence[str]
    hours: float
    hop_seconds: float

    def true(self, label: str) -> dict[str, list[TrueEvent]]:
        """The true events of a class in each recording."""
        return {
            name: [event for event in self.truth[name].events if event.label == label]
            for name in self.scores
        }


@dataclass(frozen=True)
class _Samples:
    """Smoothed scores of one class and its true events, by recording."""

    label: str
    smoothed: Mapping[str, Sequence[Sample]]
    true: Mapping[str, Sequence[TrueEvent]]
    hop_seconds: float


@dataclass(frozen=True)
class TunedRule:
    """A rule and its metrics on the recordings that chose it.

    Attributes:
        rule: The rule.
        f1: F1 of its events.
        overlap_f1: The same, where a right event counts by its tIoU.
        false_alarms_per_hour: Of this class.
    """

    rule: EventRule
    f1: float
    overlap_f1: float
    false_alarms_per_hour: float


def tune_rules(
    recordings: ScoredRecordings,
    rules: Mapping[str, EventRule],
    max_false_alarms_per_hour: float,
    threshold: float = 0.3,
) -> dict[str, TunedRule]:
    """Choose `enter` for each class, and `leave` in proportion.

    Args:
        recordings: The recordings with their scores and true events.
        rules: The rule of each class as it is.
        max_false_alarms_per_hour: Tolerable rate, of all classes together.
        threshold: tIoU from which an event is right.

    Raises:
        ValueError: The rate is negative or not finite.
    """
    if not 0 <= max_false_alarms_per_hour < math.inf:
        raise ValueError(
            f'tune={max_false_alarms_per_hour} must be a rate of false alarms per hour, 0 or more'
        )
    hours = recordings.hours
    offers = [_offers(recordings, label, rule, threshold) for label, rule in rules.items()]
    least = sum(min(offer) for offer in offers)
    allowed = max(int(max_false_alarms_per_hour * hours + 1e-9), least)
    return dict(zip(rules, _share_out(offers, allowed), strict=True))


@dataclass(frozen=True)
class _Offer:
    """The best rule of a class for a number of false alarms.

    Attributes:
        worth: `overlap_f1` of the rule and its neighbours, times the number of true events.
        tuned: The rule.
    """

    worth: float
    tuned: TunedRule


def _offers(
    recordings: ScoredRecordings, label: str, rule: EventRule, threshold: float
) -> dict[int, _Offer]:
    """The best rule of a class for each number of false alarms."""
    true = recordings.true(label)
    num_true = sum(map(len, true.values()))
    index, hours = score_column(label, rule, recordings.classes), recordings.hours
    smoothed = {name: _smooth(rule, all_, index) for name, all_ in recordings.scores.items()}
    samples = _Samples(label, smoothed, true, recordings.hop_seconds)
    row = [_try(tried, samples, hours, threshold) for tried in _thresholds(rule)]
    offers: dict[int, _Offer] = {}
    for place, tuned in enumerate(row):
        # A lucky threshold has neighbours that are worth less.
        near = row[max(place - 1, 0) : place + 2]
        worth = num_true * sum(one.overlap_f1 for one in near) / len(near)
        wrong = round(tuned.false_alarms_per_hour * hours)
        if wrong not in offers or worth > offers[wrong].worth:
            offers[wrong] = _Offer(worth, tuned)
    return offers


def _share_out(offers: Sequence[Mapping[int, _Offer]], allowed: int) -> list[TunedRule]:
    """The rule of each class for which all together are worth most, as the false alarms allow."""
    # The best choice for the classes so far, by the number of false alarms that it costs.
    best: dict[int, tuple[float, list[TunedRule]]] = {0: (0.0, [])}
    for place, of_class in enumerate(offers):
        needed = sum(min(later) for later in offers[place + 1 :])
        longer: dict[int, tuple[float, list[TunedRule]]] = {}
        for spent, (worth, chosen) in best.items():
            for wrong, offer in of_class.items():
                cost, total = spent + wrong, worth + offer.worth
                if cost + needed <= allowed and total > longer.get(cost, (-1.0, []))[0]:
                    longer[cost] = (total, [*chosen, offer.tuned])
        best = longer
    return max(best.items(), key=lambda item: (item[1][0], -item[0]))[1][1]


def _try(rule: EventRule, samples: _Samples, hours: float, threshold: float) -> TunedRule:
    """Evaluate a rule."""
    overlaps: list[float] = []
    wrong = 0
    for name, of_recording in samples.smoothed.items():
        found = _events(samples.label, rule, of_recording, samples.hop_seconds)
        matches = match_events(found, samples.true[name], threshold)
        pairs = zip(found, matches, strict=True)
        overlaps += [temporal_iou(event, match) for event, match in pairs if match is not None]
        wrong += matches.count(None)
    true = samples.true
    share = 2 / max(len(overlaps) + wrong + sum(map(len, true.values())), 1)
    return TunedRule(rule, share * len(overlaps), share * sum(overlaps), wrong / hours)


def _thresholds(rule: EventRule) -> Iterator[EventRule]:
    """The rule with each `enter`, and `leave` in the same proportion to it as before."""
    for enter in ENTER:
        yield replace(rule, enter=enter, leave=enter * rule.leave / rule.enter)


def _smooth(rule: EventRule, windows: Sequence[ScoredWindow], index: int) -> list[Sample]:
    smoother = make_smoother(rule)
    samples = []
    for window in windows:
        seconds = window.seconds - rule.lookback_seconds
        if not rule.lookback_seconds or seconds >= 0:
            samples += smoother.push(Sample(seconds, window.scores[index], window.newest_seconds))
    return samples + smoother.finish()


def _events(
    label: str, rule: EventRule, samples: Sequence[Sample], hop_seconds: float
) -> list[DangerEvent]:
    """Closed events of smoothed samples, surest first."""
    automaton = ClassAutomaton(label, rule, update_seconds=float('inf'))
    changes = []
    start = 0.0
    for sample in samples:
        end = sample.seconds + hop_seconds / 2
        if sample.value >= rule.leave or not automaton.is_idle:
            changes += automaton.push(start, end, sample.value, sample.known_seconds)
        start = end
    changes += automaton.finish(samples[-1].known_seconds if samples else 0.0)
    closed = [event for event in changes if event.state == 'closed']
    return sorted(closed, key=lambda event: -event.mean_score)


def write_rules(file: str | Path, rules: Mapping[str, EventRule], base: str | None = None) -> None:
    """Write rules as a config.

    Args:
        file: The config to write.
        rules: The rule of each danger.
        base: A config that it builds on, as a path from the folder of `file`.
    """
    lines = [f'_base_ = {base!r}', ''] if base else []
    lines += ['detection = dict(', '    dangers={']
    for label, rule in rules.items():
        lines.append(f'        {label!r}: dict(')
        lines += [
            f'            {field.name}={getattr(rule, field.name)!r},' for field in fields(rule)
        ]
        lines.append('        ),')
    lines += ['    },', ')', '']
    with write_atomically(file) as stream:
        stream.write('\n'.join(lines))
