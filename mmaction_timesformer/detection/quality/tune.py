"""Choose each class's thresholds on validation recordings, for a wanted rate of false alarms.

The scores are there already, so a threshold is tried by sending them through the automaton again.
The rest of a rule, its smoothing and its lengths, stays as it is in the config: chosen along with
the thresholds on an hour of recordings, it did no better on others. The classes share the false
alarms that are allowed so that all together are worth most. A threshold is worth its F1 and that of
its neighbours, where a right event counts as much as it overlaps the true one: of thresholds that
find the same events, the one that tells best when they begin and end wins. Where even the highest
thresholds have more false alarms than wanted, they win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from mmaction_timesformer.detection.events.automaton import ClassAutomaton
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.smoothing import Sample, make_smoother
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import match_events, temporal_iou
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from video_clips.whole_files import write_atomically

ENTER = (*(round(0.05 * step, 2) for step in range(4, 20)), 0.97, 0.98, 0.99)


@dataclass(frozen=True)
class TunedRule:
    """A rule and how it did on the recordings that chose it.

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
    scores: Mapping[str, Sequence[ScoredWindow]],
    truth: Mapping[str, TrueRecording],
    classes: Sequence[str],
    rules: Mapping[str, EventRule],
    hours: float,
    hop_seconds: float,
    max_false_alarms_per_hour: float,
    threshold: float = 0.3,
) -> dict[str, TunedRule]:
    """Choose `enter` for each class, and `leave` in proportion.

    Args:
        scores: The windows of each recording.
        truth: What happened in it.
        classes: The model's classes in index order.
        rules: The rule of each class as it is.
        hours: How long all recordings are together.
        hop_seconds: Distance of windows.
        max_false_alarms_per_hour: Wanted rate, of all classes together.
        threshold: tIoU from which an event is right.
    """
    offers = [
        _offers(scores, truth, classes.index(label), label, rule, hours, hop_seconds, threshold)
        for label, rule in rules.items()
    ]
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
    scores: Mapping[str, Sequence[ScoredWindow]],
    truth: Mapping[str, TrueRecording],
    index: int,
    label: str,
    rule: EventRule,
    hours: float,
    hop_seconds: float,
    threshold: float,
) -> dict[int, _Offer]:
    """What a class can have for each number of false alarms."""
    true = {name: [e for e in truth[name].events if e.label == label] for name in scores}
    num_true = sum(map(len, true.values()))
    smoothed = {name: _smooth(rule, windows, index) for name, windows in scores.items()}
    row = [
        _try(tried, label, smoothed, true, hours, hop_seconds, threshold)
        for tried in _thresholds(rule)
    ]
    offers: dict[int, _Offer] = {}
    for place, tuned in enumerate(row):
        # A threshold is worth what its neighbours are worth too: luck has none.
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


def _try(
    rule: EventRule,
    label: str,
    smoothed: Mapping[str, Sequence[Sample]],
    true: Mapping[str, Sequence[TrueEvent]],
    hours: float,
    hop_seconds: float,
    threshold: float,
) -> TunedRule:
    """How a rule does."""
    overlaps: list[float] = []
    wrong = 0
    for name, samples in smoothed.items():
        found = _events(label, rule, samples, hop_seconds)
        matches = match_events(found, true[name], threshold)
        pairs = zip(found, matches, strict=True)
        overlaps += [temporal_iou(event, match) for event, match in pairs if match is not None]
        wrong += matches.count(None)
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
        sample = Sample(window.seconds, window.scores[index], window.newest_seconds)
        samples += smoother.push(sample)
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
