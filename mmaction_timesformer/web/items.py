"""Items to review: alarms, and windows in which a detector saw no event.

An alarm is an event of the detector. Of the time outside events, each stretch as long as a window
is one item, at the moment where some danger was most probable. Ids depend on the source and the
place alone, so they stay while a run goes on and after a restart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmaction_timesformer.detection.events.events import DangerEvent, wall_clock
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.folder import SourceHistory
from mmaction_timesformer.web.run_records import RunModel, RunRecords


@dataclass(frozen=True)
class Item:
    """One thing to review.

    Attributes:
        id: Names it in pages and verdicts.
        kind: ``alarm`` or ``window``.
        source: The recording or camera.
        label: The class that it would be: of an alarm its own, of a window the likeliest danger.
        start_seconds: When it begins.
        end_seconds: When it ends.
        peak_seconds: When the score was highest.
        score: Probability of the class there, for an alarm the smoothed one.
        scores: Probability of every class there.
        time: Wall-clock time of the start, where the source has it.
        is_open: Whether the event still goes on.
    """

    id: str
    kind: str
    source: str
    label: str
    start_seconds: float
    end_seconds: float
    peak_seconds: float
    score: float
    scores: tuple[float, ...]
    time: str | None = None
    is_open: bool = False

    def to_json(self) -> dict[str, Any]:
        """The item for a page."""
        return vars(self) | {'scores': [round(score, 4) for score in self.scores]}


def make_id(*parts: object) -> str:
    """An id of some facts."""
    return hashlib.sha256('\0'.join(map(str, parts)).encode('utf-8', 'replace')).hexdigest()[:20]


def find_items(run: RunRecords) -> list[Item]:
    """Every item of a run, source by source in order of time."""
    with run.lock:
        return [item for source in _names(run) for item in _of_source(run, source)]


def _names(run: RunRecords) -> list[str]:
    return [name for name in dict.fromkeys([*run.sources, *run.windows]) if name]


def _of_source(run: RunRecords, name: str) -> Iterator[Item]:
    history = run.sources.get(name, SourceHistory())
    windows = run.windows.get(name, [])
    events = sorted(history.events.values(), key=lambda event: event.start_seconds)
    for event in events:
        yield _alarm(event, windows, run.model)
    yield from _quiet_windows(name, history, windows, run.model)


def _alarm(event: DangerEvent, windows: list[ScoredWindow], model: RunModel) -> Item:
    return Item(
        make_id('alarm', event.event_id),
        'alarm',
        event.source,
        event.label,
        round(event.start_seconds, 3),
        round(max(event.end_seconds, event.start_seconds + 0.1), 3),
        event.peak_seconds,
        event.peak_score,
        _scores_at(event.peak_seconds, windows, len(model.classes)),
        event.start_time,
        event.state != 'closed',
    )


def _scores_at(seconds: float, windows: list[ScoredWindow], num_classes: int) -> tuple[float, ...]:
    if not windows:
        return (0.0,) * num_classes
    centres = np.array([window.seconds for window in windows])
    return windows[int(np.abs(centres - seconds).argmin())].scores


def _quiet_windows(
    name: str, history: SourceHistory, windows: list[ScoredWindow], model: RunModel
) -> Iterator[Item]:
    """The likeliest moment of each stretch of time that no event touches."""
    if not windows or not model.rules:
        return
    dangers = [model.classes.index(label) for label in model.rules]
    scores = np.array([window.scores for window in windows])[:, dangers]
    centres = np.array([window.seconds for window in windows])
    stretches = (centres // model.span_seconds).astype(int)
    half = model.span_seconds / 2
    for stretch in np.unique(stretches):
        members = np.flatnonzero(stretches == stretch)
        best = int(members[scores[members].max(axis=1).argmax()])
        start, end = max(0.0, centres[best] - half), centres[best] + half
        if any(e.start_seconds < end and e.end_seconds > start for e in history.events.values()):
            continue
        danger = int(scores[best].argmax())
        yield Item(
            make_id('window', name, model.span_seconds, stretch),
            'window',
            name,
            list(model.rules)[danger],
            round(float(start), 3),
            round(float(end), 3),
            float(centres[best]),
            float(scores[best, danger]),
            windows[best].scores,
            wall_clock(history.epoch, float(start)),
        )


@dataclass(frozen=True)
class Filters:
    """Which items to show; an empty text or None shows all.

    Attributes:
        source: A recording or camera.
        label: A class, as the model or a person has it.
        kind: ``alarm`` or ``window``.
        verdict: ``none``, ``any``, or one of the sayings.
        least: Lowest score.
        most: Highest score.
        since: Earliest time, in seconds of the source, or ISO 8601 of the wall clock.
        until: Latest time.
    """

    source: str = ''
    label: str = ''
    kind: str = ''
    verdict: str = ''
    least: float = 0.0
    most: float = 1.0
    since: str = ''
    until: str = ''

    def fit(self, item: Item, state: Mapping[str, Any]) -> bool:
        """Whether to show an item in its state."""
        says = state.get('says', '')
        return (
            self.source in ('', item.source)
            and self.label in ('', item.label, state.get('label'))
            and self.kind in ('', item.kind)
            and self.verdict in ('', says, *(['none'] if not says else ['any']))
            and self.least <= round(item.score, 4) <= self.most
            and (not self.since or _later(item, self.since))
            and (not self.until or not _later(item, self.until))
        )


def _later(item: Item, moment: str) -> bool:
    """Whether an item begins at a moment or later."""
    try:
        return item.start_seconds >= float(moment)
    except ValueError:
        return (item.time or '') >= moment
