"""From the scores of one source's windows to its events, all classes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mmaction_timesformer.detection.events.automaton import ClassAutomaton
from mmaction_timesformer.detection.events.events import DangerEvent, wall_clock
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.smoothing import Sample, make_smoother
from mmaction_timesformer.detection.windows import WindowSettings


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

    def __init__(
        self,
        index: int,
        label: str,
        rule: EventRule,
        windows: WindowSettings,
        update_seconds: float,
    ) -> None:
        self.index = index
        self._half_hop = windows.hop_seconds / 2
        self._span_seconds = windows.span_seconds
        self._smoother = make_smoother(rule)
        self._automaton = ClassAutomaton(label, rule, update_seconds)
        self._last: Sample | None = None

    def push(self, sample: Sample, begin_seconds: float) -> list[DangerEvent]:
        return self._take(self._smoother.push(sample), begin_seconds)

    def finish(self, begin_seconds: float, end_seconds: float) -> list[DangerEvent]:
        changes = self._take(self._smoother.finish(), begin_seconds)
        self._last = None
        return changes + self._automaton.finish(end_seconds)

    def _take(self, samples: list[Sample], begin_seconds: float) -> list[DangerEvent]:
        changes = []
        self._automaton.earliest_seconds = begin_seconds
        for sample in samples:
            changes += self._automaton.push(
                self._start_of(sample, begin_seconds),
                sample.seconds + self._half_hop,
                sample.value,
                sample.known_seconds,
            )
            self._last = sample
        return changes

    def _start_of(self, sample: Sample, begin_seconds: float) -> float:
        """Where a sample's stretch begins: where the last one's ended, if their windows touch."""
        if self._last is None:
            return begin_seconds
        if sample.seconds - self._last.seconds <= self._span_seconds:
            return self._last.seconds + self._half_hop
        return sample.seconds - self._half_hop


class EventTracker:
    """Finds the events of one source.

    A window speaks for the time around its centre, half a hop to either side; the first also for
    all before it and the last for all after it. Where windows were dropped, the next one speaks for
    that time too, as long as the model has seen all of it.

    Args:
        source: The source's name, for the events.
        classes: The model's classes in index order.
        rules: The classes that are dangers.
        windows: How windows lie in time.
        model: Fingerprint for the events.
        epoch: Wall-clock time of the source's first frame, if it has one.
        update_seconds: How much an event must have grown to be told again.
    """

    def __init__(
        self,
        source: str,
        classes: Sequence[str],
        rules: Mapping[str, EventRule],
        windows: WindowSettings,
        model: str = '',
        epoch: datetime | None = None,
        update_seconds: float = 0.0,
    ) -> None:
        self.source = source
        self.model = model
        self.epoch = epoch
        self._begin_seconds = 0.0
        self._tracks = [
            _ClassTrack(classes.index(label), label, rule, windows, update_seconds)
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
            changes += track.push(sample, self._begin_seconds)
        return [self._sign(event) for event in changes]

    def finish(self, end_seconds: float) -> list[DangerEvent]:
        """The source ends or breaks off: close every event."""
        changes = []
        for track in self._tracks:
            changes += track.finish(self._begin_seconds, end_seconds)
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
