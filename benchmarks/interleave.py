"""Timing several ways to do one thing in turn, so that what else the machine does meets all.

After a round to warm up, each round runs every contender once, each round starting with another.
A ratio is taken within each round, between runs that stood side by side.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        lower, median, upper = statistics.quantiles(values, n=4, method='inclusive')
        return cls(median, lower, upper)

    def text(self, digits: int = 2) -> str:
        """``median (lower to upper)``."""
        return f'{self.median:.{digits}f} ({self.lower:.{digits}f} to {self.upper:.{digits}f})'

    def as_dict(self, digits: int = 4) -> dict[str, float]:
        """Plain data for a record."""
        return {name: round(value, digits) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Timings:
    """Seconds of every contender in every round.

    Attributes:
        seconds: For each contender one number a round.
    """

    seconds: dict[str, list[float]]

    def spread(self, name: str) -> Spread:
        """Median and quartiles of a contender's seconds."""
        return Spread.of(self.seconds[name])

    def ratio(self, name: str, base: str) -> Spread:
        """How many times as long as ``base`` a contender takes, round by round."""
        pairs = zip(self.seconds[name], self.seconds[base], strict=True)
        return Spread.of([own / other for own, other in pairs])

    def as_dict(self, base: str) -> dict[str, dict[str, dict[str, float]]]:
        """Plain data for a record: seconds, and times those of ``base``."""
        return {
            name: {
                'seconds': self.spread(name).as_dict(),
                f'times_{base}': self.ratio(name, base).as_dict(),
            }
            for name in self.seconds
        }


def time_in_turn(
    contenders: Mapping[str, Callable[[], object]], num_rounds: int, num_warm_up: int = 1
) -> Timings:
    """Time contenders in turn.

    Args:
        contenders: What to run, by name.
        num_rounds: Timed runs of each.
        num_warm_up: Runs of each before.
    """
    if num_rounds < 1:
        raise ValueError(f'num_rounds={num_rounds}: at least 1 run is timed')
    names = list(contenders)
    for _ in range(num_warm_up):
        for name in names:
            contenders[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(num_rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(_time(contenders[name]))
    return Timings(seconds)


def _time(contender: Callable[[], object]) -> float:
    _finish()
    started = time.perf_counter()
    contender()
    _finish()
    return time.perf_counter() - started


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
