"""Which rows of a study fit into the time there is.

A clip's features are timed on this machine; a job's time is estimated from measured ones, scaled
by the number of clips.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mmaction_timesformer.studies.spec import Row

SECONDS_OF_A_FOLD = {
    'majority': 0.0,
    'neighbour': 0.1,
    'ridge': 0.5,
    'logistic': 1.0,
    'adamw': 1.0,
    'timesformer': 35.0,
    'patches': 30.0,
    'pixels': 20.0,
}
"""Of 300 training clips, on one core."""

MEASURED_CLIPS = 300


@dataclass(frozen=True)
class Planned:
    """A row and what it takes.

    Attributes:
        row: The recipe.
        feature_seconds: For features that are not kept yet and no earlier row needs.
        job_seconds: For all of its folds and seeds.
        chosen: Whether it fits.
    """

    row: Row
    feature_seconds: float
    job_seconds: float
    chosen: bool

    @property
    def seconds(self) -> float:
        """All that it takes."""
        return self.feature_seconds + self.job_seconds


def plan(
    rows: Sequence[Row],
    view_seconds: Mapping[tuple[str, int], float],
    num_clips: int,
    jobs: Sequence[float],
    hours: float | None = None,
) -> list[Planned]:
    """Choose rows in their order; one that is too long leaves room for shorter ones behind it.

    Args:
        rows: The most important first.
        view_seconds: What the features of a source's view still take, in seconds.
        num_clips: Of the study.
        jobs: Folds times seeds still to do of each row, a usual one counting 1.
        hours: The time there is; None for as long as it takes.
    """
    left = float('inf') if hours is None else 3600 * hours
    paid: set[tuple[str, int]] = set()
    planned = []
    for row, left_to_do in zip(rows, jobs, strict=True):
        unpaid = set(row.sources) - paid
        features = sum(view_seconds.get(source, 0.0) for source in unpaid)
        seconds = (
            SECONDS_OF_A_FOLD[row.recipe] * row.views * left_to_do * num_clips / MEASURED_CLIPS
        )
        chosen = features + seconds <= left
        planned.append(Planned(row, features, seconds, chosen))
        if chosen:
            left -= features + seconds
            paid |= unpaid
    return planned


@dataclass
class Clock:
    """Holds a study to its time: estimates are scaled by how long earlier rows really took.

    Attributes:
        hours: The time there is; None for as long as it takes.
        now: Seconds that pass.
    """

    hours: float | None
    now: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _estimated: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._started = self.now()

    def allows(self, seconds: float) -> bool:
        """Whether a row that was estimated to take ``seconds`` may begin now.

        A row that is done already, and takes none, may at any time.
        """
        spent = self.now() - self._started
        slowness = max(1.0, spent / self._estimated) if self._estimated else 1.0
        late = self.hours is not None and spent + slowness * seconds > 3600 * self.hours
        if seconds and late:
            return False
        self._estimated += seconds
        return True
