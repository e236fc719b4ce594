"""From the scores of one source's windows to its events, all classes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mmaction_timesformer.detection.automaton import ClassAutomaton
from mmaction_timesformer.detection.events import DangerEvent, wall_clock
from mmaction_timesformer.detection.rules import EventRule
from mmaction_timesformer.detection.smoothing import Sample, make_smoother


@dataclass(frozen=True)
class ScoredWindow:
    """What the model says of one window.

    Attributes:
        seconds: The window's centre, which the scores stand for.
        newest_seconds: Time of its last frame.
        scores: Calibrated probability of each class, in index order.
    """

    seconds: float
    newest_seconds: float
    scores: tuple[float, ...]


class _ClassTrack:
    """Smoother and automaton of one class, and where their stretches of time meet."""

    def __init__(self, index: int, label: str, rule: EventRule, update_seconds: float) -> None:
        self.index = index
        self._smoother = make_smoother(rule)
        self._automaton = ClassAutomaton(label, rule, update_seconds)
        self._last: Sample | None = None

    def push(self, sample: Sample, begin: float, hop: float) -> list[DangerEvent]:
        return self._take(self._smoother.push(sample), begin, hop)

    def finish(self, begin: float, hop: float, end: float) -> list[DangerEvent]:
        changes = self._take(self._smoother.finish(), begin, hop)
        self._last = None
        return changes + self._automaton.finish(end)

    def _take(self, samples: list[Sample], begin: float, hop: float) -> list[DangerEvent]:
        """Give each sample the half hop before and after it, the first all that came before."""
        changes = []
        for sample in samples:
            start = begin if self._last is None else sample.seconds - hop / 2
            changes += self._automaton.push(
                start, sample.seconds + hop / 2, sample.value, sample.known_seconds
            )
            self._last = sample
        return changes


class EventTracker:
    """Finds the events of one source.

    A window speaks for the time around its centre, half a hop to either side; the first also for
    all before it and the last for all after it.

    Args:
        source: The source's name, for the events.
        classes: The model's classes in index order.
        rules: The classes that are dangers.
        hop_seconds: Distance of windows.
        model: Fingerprint for the events.
        epoch: Wall-clock time of the source's first frame, if it has one.
        update_seconds: How much an event must have grown to be told again.
    """

    def __init__(
        self,
        source: str,
        classes: Sequence[str],
        rules: Mapping[str, EventRule],
        hop_seconds: float,
        model: str = '',
        epoch: datetime | None = None,
        update_seconds: float = 0.0,
    ) -> None:
        self.source = source
        self.model = model
        self.epoch = epoch
        self._hop_seconds = hop_seconds
        self._begin_seconds = 0.0
        self._tracks = [
            _ClassTrack(classes.index(label), label, rule, update_seconds)
            for label, rule in rules.items()
        ]

    def begin(self, seconds: float) -> None:
        """Begin a stretch without gaps with its first frame's time."""
        self._begin_seconds = seconds

    def push(self, window: ScoredWindow) -> list[DangerEvent]:
        """Take the next window's scores; give what has opened, grown or closed."""
        changes = []
        for track in self._tracks:
            sample = Sample(window.seconds, window.scores[track.index], window.newest_seconds)
            changes += track.push(sample, self._begin_seconds, self._hop_seconds)
        return [self._sign(event) for event in changes]

    def finish(self, end_seconds: float) -> list[DangerEvent]:
        """The source ends or breaks off: close every event."""
        changes = []
        for track in self._tracks:
            changes += track.finish(self._begin_seconds, self._hop_seconds, end_seconds)
        return [self._sign(event) for event in changes]

    def _sign(self, event: DangerEvent) -> DangerEvent:
        return replace(
            event,
            event_id=f'{self.source}#{event.event_id}',
            source=self.source,
            model=self.model,
            start_time=wall_clock(self.epoch, event.start_seconds),
            end_time=wall_clock(self.epoch, event.end_seconds),
        )
