"""Smoothing of one class's probabilities over time, sample by sample.

Samples may lie at any distance from each other. What comes out depends on the samples alone, so a
file and a stream with the same samples give the same values.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple, Protocol

from mmaction_timesformer.detection.events.rules import EventRule


class Sample(NamedTuple):
    """A probability at a moment.

    Attributes:
        seconds: The moment that it describes.
        value: The probability.
        known_seconds: The newest frame that had been seen when it could first be told.
    """

    seconds: float
    value: float
    known_seconds: float


class Smoother(Protocol):
    """Takes samples in order of time and gives smoothed ones, each for one that it took."""

    def push(self, sample: Sample) -> list[Sample]:
        """Take a sample; give those that are settled by it."""

    def finish(self) -> list[Sample]:
        """Give what is left; the next sample begins anew."""


class Unsmoothed:
    """Passes samples on."""

    def push(self, sample: Sample) -> list[Sample]:
        """Give the sample back."""
        return [sample]

    def finish(self) -> list[Sample]:
        """Nothing is ever left."""
        return []


class CausalAverage:
    """Exponential moving average that forgets by time and not by number of samples.

    Args:
        seconds: Time constant: a sample this much older has 1/e of the weight.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: Sample | None = None

    def push(self, sample: Sample) -> list[Sample]:
        """Take a sample; give its smoothed value."""
        if self._last is not None:
            kept = math.exp((self._last.seconds - sample.seconds) / self._seconds)
            sample = sample._replace(value=kept * self._last.value + (1 - kept) * sample.value)
        self._last = sample
        return [sample]

    def finish(self) -> list[Sample]:
        """Forget everything."""
        self._last = None
        return []


class CentredMean:
    """Mean over the samples at most half a width earlier or later.

    Args:
        seconds: The width.
    """

    def __init__(self, seconds: float) -> None:
        # Windows lie on a grid; rounding must not decide whether one at the very edge counts.
        self._reach = seconds / 2 + 1e-6
        self._samples: deque[Sample] = deque()
        self._num_given = 0

    def push(self, sample: Sample) -> list[Sample]:
        """Take a sample; give those whose future has been seen."""
        self._samples.append(sample)
        return self._give(sample.seconds - self._reach, sample.known_seconds)

    def finish(self) -> list[Sample]:
        """Give the rest, with what future they have."""
        known = self._samples[-1].known_seconds if self._samples else 0.0
        settled = self._give(math.inf, known)
        self._samples.clear()
        self._num_given = 0
        return settled

    def _give(self, before_seconds: float, known_seconds: float) -> list[Sample]:
        settled = []
        while self._num_given < len(self._samples):
            centre = self._samples[self._num_given].seconds
            if centre >= before_seconds:
                break
            near = [s.value for s in self._samples if abs(s.seconds - centre) <= self._reach]
            settled.append(Sample(centre, math.fsum(near) / len(near), known_seconds))
            self._num_given += 1
            while centre - self._samples[0].seconds > 2 * self._reach:
                self._samples.popleft()
                self._num_given -= 1
        return settled


def make_smoother(rule: EventRule) -> Smoother:
    """The smoother that a rule asks for."""
    if rule.smoothing == 'none' or rule.smoothing_seconds == 0:
        return Unsmoothed()
    if rule.smoothing == 'ema':
        return CausalAverage(rule.smoothing_seconds)
    return CentredMean(rule.smoothing_seconds)
