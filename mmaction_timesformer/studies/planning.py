"""Which rows of a study fit into the time there is.

A clip's features are timed on this machine; a job's time is estimated from measured ones, scaled
by the number of clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmaction_timesformer.studies.spec import Row

SECONDS_OF_A_FOLD = {
    'majority': 0.0,
    'neighbour': 0.1,
    'ridge': 0.5,
    'logistic': 1.0,
    'adamw': 5.0,
    'timesformer': 120.0,
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
    view_seconds: Mapping[str, Sequence[float]],
    num_clips: int,
    num_jobs: int,
    hours: float | None = None,
) -> list[Planned]:
    """Choose rows in their order; one that is too long leaves room for shorter ones behind it.

    Args:
        rows: The most important first.
        view_seconds: By network, what the features of each view still take: 0 if they are kept.
        num_clips: Of the study.
        num_jobs: Folds times seeds.
        hours: The time there is; None for as long as it takes.
    """
    left = float('inf') if hours is None else 3600 * hours
    paid: dict[str, int] = {}
    planned = []
    for row in rows:
        views = view_seconds.get(row.features, ()) if row.recipe != 'majority' else ()
        features = float(sum(views[paid.get(row.features, 0) : row.views]))
        jobs = SECONDS_OF_A_FOLD[row.recipe] * row.views * num_jobs * num_clips / MEASURED_CLIPS
        chosen = features + jobs <= left
        planned.append(Planned(row, features, jobs, chosen))
        if chosen:
            left -= features + jobs
            paid[row.features] = max(paid.get(row.features, 0), row.views)
    return planned
