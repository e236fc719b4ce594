"""The automaton that turns one class's smoothed probabilities into events.

Hysteresis finds runs, near runs merge, what is long enough opens as an event, and a quiet stretch
longer than the longest pause closes it. Everything is said as soon as it is certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmaction_timesformer.detection.events.events import DangerEvent, EventState
from mmaction_timesformer.detection.events.rules import EventRule

# Sums of hops are compared with limits that are whole numbers of hops.
_ROUNDING_SECONDS = 1e-6


@dataclass
class Stretch:
    """A stretch of time and the scores in it."""

    start_seconds: float
    end_seconds: float
    peak_seconds: float
    peak_score: float
    sum_scores: float
    num_scores: int = 1

    def extend(self, later: Stretch) -> None:
        """Reach to the end of a later stretch and take in its scores."""
        self.end_seconds = later.end_seconds
        if later.peak_score > self.peak_score:
            self.peak_score, self.peak_seconds = later.peak_score, later.peak_seconds
        self.sum_scores += later.sum_scores
        self.num_scores += later.num_scores


class ClassAutomaton:
    """Finds the events of one class.

    Args:
        label: The class.
        rule: What makes an event.
        update_seconds: How much an event must have grown to be told again.

    Attributes:
        earliest_seconds: The first frame since a gap; no event is widened beyond it.
    """

    def __init__(self, label: str, rule: EventRule, update_seconds: float = 0.0) -> None:
        self.earliest_seconds = 0.0
        self.label = label
        self.rule = rule
        self.update_seconds = update_seconds
        self._cool_until = -math.inf
        self._forget()

    def _forget(self) -> None:
        self._seen_until = math.inf
        self._known_seconds = math.inf
        self._run: Stretch | None = None
        self._is_proven = False
        self._event: Stretch | None = None
        self._told: DangerEvent | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on, so that scores below `leave` change nothing."""
        return self._run is None and self._event is None

    def push(
        self, start_seconds: float, end_seconds: float, score: float, known_seconds: float
    ) -> list[DangerEvent]:
        """Take the score of the next stretch of time.

        Args:
            start_seconds: Where the stretch begins: where the one before ended, or later if windows
                were dropped.
            end_seconds: Where it ends.
            score: Smoothed probability.
            known_seconds: The newest frame that had been seen by now.

        Returns:
            What this changes, in order of time.
        """
        if start_seconds - self._seen_until > self.rule.pause_seconds + _ROUNDING_SECONDS:
            self._run = None
        self._seen_until = end_seconds
        self._known_seconds = known_seconds
        changes = self._close_after_pause(start_seconds)
        start_seconds = max(start_seconds, self._cool_until)
        if score < self.rule.leave or end_seconds - start_seconds < _ROUNDING_SECONDS:
            self._run = None
            changes += self._close_after_pause(end_seconds)
        else:
            middle = (start_seconds + end_seconds) / 2
            self._run_on(Stretch(start_seconds, end_seconds, middle, score, score))
        return changes + self._tell(known_seconds)

    def finish(self, end_seconds: float) -> list[DangerEvent]:
        """The source ends or breaks off: close what is open, and begin anew.

        Args:
            end_seconds: Time of the last frame; an event that is still on ends there.
        """
        if self._event is not None and self._run is not None and self._is_proven:
            self._event.end_seconds = max(self._event.end_seconds, end_seconds)
        self._known_seconds = end_seconds
        changes = self._tell(end_seconds) + self._close()
        self._forget()
        return changes

    def _run_on(self, stretch: Stretch) -> None:
        """Begin or lengthen a run; one that has proved itself belongs to the event."""
        if self._run is not None and self._is_proven and self._event is not None:
            self._event.extend(stretch)
            return
        if self._run is None:
            self._run, self._is_proven = stretch, False
        else:
            self._run.extend(stretch)
        if stretch.peak_score >= self.rule.enter:
            self._is_proven = True
            if self._event is None:
                self._event = self._run
            else:
                self._event.extend(self._run)

    def _tell(self, known_seconds: float) -> list[DangerEvent]:
        """Say that the event has opened or grown, if it has."""
        if self._event is None:
            return []
        if self._told is None:
            length = self._event.end_seconds - self._event.start_seconds
            if length < self.rule.min_seconds - _ROUNDING_SECONDS:
                return []
            self._told = self._describe('open', known_seconds)
            return [self._told]
        growth = self._widened_end(self._event) - self._told.end_seconds
        if growth < max(self.update_seconds, _ROUNDING_SECONDS):
            return []
        self._told = self._describe('growing', self._told.alarm_seconds)
        return [self._told]

    def _close_after_pause(self, now_seconds: float) -> list[DangerEvent]:
        """Close the event if nothing has been on for longer than it may pause."""
        if self._event is None or self._run is not None:
            return []
        pause = now_seconds - self._event.end_seconds
        return self._close() if pause > self.rule.pause_seconds + _ROUNDING_SECONDS else []

    def _close(self) -> list[DangerEvent]:
        if self._told is None:
            self._event = None
            return []
        closed = self._describe('closed', self._told.alarm_seconds)
        self._cool_until = closed.end_seconds + self.rule.cooldown_seconds
        self._event = self._told = None
        return [closed]

    def _describe(self, state: EventState, alarm_seconds: float) -> DangerEvent:
        event = self._event
        assert event is not None
        widened = event.start_seconds - self.rule.widen_seconds
        start_seconds = max(widened, self._cool_until, self.earliest_seconds)
        return DangerEvent(
            event_id=f'{self.label}@{start_seconds:.3f}',
            state=state,
            label=self.label,
            start_seconds=round(start_seconds, 3),
            end_seconds=round(self._widened_end(event), 3),
            alarm_seconds=round(alarm_seconds, 3),
            peak_seconds=round(event.peak_seconds, 3),
            peak_score=round(event.peak_score, 6),
            mean_score=round(event.sum_scores / event.num_scores, 6),
        )

    def _widened_end(self, event: Stretch) -> float:
        """Where an event ends when it is widened, as far as frames have been seen."""
        widened = min(event.end_seconds + self.rule.widen_seconds, self._known_seconds)
        return max(event.end_seconds, widened)
