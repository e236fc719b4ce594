"""From the scores of one source's windows to its events, all classes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mmaction_timesformer.detection.events.automaton import ClassAutomaton
from mmaction_timesformer.detection.events.events import DangerEvent, wall_clock
from mmaction_timesformer.detection.events.rules import EventRule, score_column
from mmaction_timesformer.detection.events.smoothing import Sample, make_smoother
from mmaction_timesformer.detection.windows import WindowSettings


@dataclass(frozen=True)
class ScoredWindow:
    """The scores of one window.

    Attributes:
        seconds: The window's centre, which the scores stand for.
        newest_seconds: Time of its last frame.
        scores: Calibrated probability of each class, in index order.
    """

    seconds: float
    newest_seconds: float
    scores: tuple[float, ...]


@dataclass(frozen=True)
class EventSettings:
    """How scores become events, for all sources of a run.

    Attributes:
        classes: Names of the scores: the model's classes in index order, then those at horizons.
        rules: The classes that are dangers, with the rule of each.
        windows: How windows lie in time.
        model: Fingerprint for the events.
        update_seconds: Growth of an open event after which it is reported again.
    """

    classes: tuple[str, ...]
    rules: Mapping[str, EventRule]
    windows: WindowSettings
    model: str = ''
    update_seconds: float = 0.0


class _ClassTrack:
    """Smoother and automaton of one class, and where their stretches of time meet."""

    def __init__(self, label: str, settings: EventSettings) -> None:
        rule = settings.rules[label]
        self._index = score_column(label, rule, settings.classes)
        self._lookback_seconds = rule.lookback_seconds
        self._half_hop = settings.windows.hop_seconds / 2
        self._span_seconds = settings.windows.span_seconds
        self._smoother = make_smoother(rule)
        self._automaton = ClassAutomaton(label, rule, settings.update_seconds)
        self._last: Sample | None = None

    def push(self, window: ScoredWindow, begin_seconds: float) -> list[DangerEvent]:
        seconds = round(window.seconds - self._lookback_seconds, 6)
        if self._lookback_seconds and seconds < begin_seconds:
            return []
        sample = Sample(seconds, window.scores[self._index], window.newest_seconds)
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

    A window stands for the time around its centre, half a hop to either side; the first one of a
    stretch also for all before it and the last for all after it. Where windows were dropped, the
    next one stands for that time too, as long as the model has seen all of it.

    Args:
        source: The source's name, for the events.
        settings: How scores become events.
        epoch: Wall-clock time at 0 of the source's time line, if it is known.
    """

    def __init__(self, source: str, settings: EventSettings, epoch: datetime | None = None) -> None:
        self.source = source
        self.model = settings.model
        self.epoch = epoch
        self._begin_seconds = 0.0
        self._tracks = {label: _ClassTrack(label, settings) for label in settings.rules}

    def take_over(self, settings: EventSettings) -> None:
        """Go on with another model's scores; classes that it adds begin with the next window."""
        self.model = settings.model
        for label in settings.rules:
            self._tracks.setdefault(label, _ClassTrack(label, settings))

    def begin(self, seconds: float) -> None:
        """Begin a stretch without gaps at the time of its first frame."""
        self._begin_seconds = seconds

    def push(self, window: ScoredWindow) -> list[DangerEvent]:
        """Take the next window's scores; give what has opened, grown or closed."""
        changes = []
        for track in self._tracks.values():
            changes += track.push(window, self._begin_seconds)
        return [self._sign(event) for event in changes]

    def finish(self, end_seconds: float) -> list[DangerEvent]:
        """The source ends or breaks off: close every event."""
        changes = []
        for track in self._tracks.values():
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
