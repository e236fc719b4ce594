"""Values that change over time, given at a few moments and interpolated between them."""

from __future__ import annotations

import numpy as np


class Keyframes:
    """A number over time: it holds, then goes evenly to the next value, then holds.

    Args:
        value: What it is before anything happens.
    """

    def __init__(self, value: float) -> None:
        self._seconds = [0.0]
        self._values = [float(value)]

    @property
    def last(self) -> float:
        """The value after the last change."""
        return self._values[-1]

    def go(self, start_seconds: float, end_seconds: float, value: float) -> None:
        """Change to `value` between two moments, the earlier not before the last change."""
        assert self._seconds[-1] <= start_seconds <= end_seconds
        self._seconds += [start_seconds, end_seconds]
        self._values += [self.last, float(value)]

    def at(self, seconds: float) -> float:
        """The value at a moment."""
        return float(np.interp(seconds, self._seconds, self._values))


class AngleKeyframes(Keyframes):
    """An angle over time, in radians, that always turns the short way round."""

    def go(self, start_seconds: float, end_seconds: float, value: float) -> None:
        """Turn to `value`; see `Keyframes.go`."""
        turn = (value - self.last + np.pi) % (2 * np.pi) - np.pi
        super().go(start_seconds, end_seconds, self.last + turn)
