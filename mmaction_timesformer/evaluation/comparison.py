"""Two models on the same clips: is one better, and on which clips do they differ?

Legend: N clips, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from scipy.stats import binom, binomtest

from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.evaluation.resampling import NUM_RESAMPLES, interval, resample
from mmaction_timesformer.evaluation.weighted_metrics import weighted_metrics

COMPARED = ('top1', 'mean_class_accuracy', 'macro_f1', 'mean_average_precision', 'log_loss')


@dataclass(frozen=True)
class Difference:
    """The second model's metric minus the first's, and its interval.

    ``low`` and ``high`` are NaN where there is one recording, or all resamples agree: the models
    never differ, or differ alike in every recording.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Flips:
    """Clips on which two models differ.

    Attributes:
        lost: (N,) booleans: the first model alone is right.
        won: (N,) booleans: the second alone is right.
    """

    lost: np.ndarray
    won: np.ndarray

    @property
    def worse_p(self) -> float:
        """Probability of so many losses among the flips, were both models equally good."""
        lost, won = int(self.lost.sum()), int(self.won.sum())
        return float(binom.sf(lost - 1, lost + won, 0.5))


@dataclass(frozen=True)
class Comparison:
    """A paired comparison.

    Attributes:
        differences: By metric. Both models are seen on the same resamples.
        only_first_right: Clips that only the first model has right, by name.
        only_second_right: Clips that only the second has right.
        mcnemar_p: Exact two-sided probability of a split as uneven as that of those clips, were
            both models equally good and the clips independent.
    """

    differences: dict[str, Difference]
    only_first_right: list[str]
    only_second_right: list[str]
    mcnemar_p: float


def compare(
    first: Predictions, second: Predictions, num_resamples: int = NUM_RESAMPLES
) -> Comparison:
    """Compare two models; the clips may be in another order.

    Raises:
        ValueError: The predictions are not of the same clips, labels and classes.
    """
    second = _aligned(first, second)
    groups = first.groups
    num_groups = int(groups.max()) + 1
    point = np.ones((1, len(first)))
    at_point = [weighted_metrics(model, point) for model in (first, second)]
    resampled = [
        resample(lambda weights, m=model: weighted_metrics(m, weights), groups, num_resamples)  # type: ignore[misc]
        for model in (first, second)
    ]
    differences = {}
    for name in COMPARED:
        before, after = (float(figures[name][0]) for figures in at_point)
        shift = resampled[1][name] - resampled[0][name]
        limits = interval(shift, after - before, num_groups)
        differences[name] = Difference(before, after, after - before, *limits)
    flipped = flips(first, second)
    lost, won = flipped.lost, flipped.won
    decided = int(lost.sum() + won.sum())
    return Comparison(
        differences,
        [first.short_names[row] for row in np.flatnonzero(lost)],
        [first.short_names[row] for row in np.flatnonzero(won)],
        float(binomtest(int(won.sum()), decided).pvalue) if decided else 1.0,
    )


def flips(first: Predictions, second: Predictions) -> Flips:
    """The clips that one of two models has right; the clips may be in another order.

    Raises:
        ValueError: The predictions are not of the same clips, labels and classes.
    """
    second = _aligned(first, second)
    return Flips(first.hits & ~second.hits, ~first.hits & second.hits)


def _aligned(first: Predictions, second: Predictions) -> Predictions:
    """The second predictions in the order of the first."""
    if first.classes != second.classes:
        raise ValueError(
            f'the runs have different classes: {list(first.classes)} and {list(second.classes)}'
        )
    if len(first) != len(second):
        raise ValueError(f'the runs have {len(first)} and {len(second)} clips: not the same ones')
    keys = _common_names(first, second)
    if keys[0] != keys[1]:
        place = {key: row for row, key in enumerate(keys[1])}
        second = second.subset(np.array([place[key] for key in keys[0]]))
    if first.labels.shape != second.labels.shape or (first.labels != second.labels).any():
        raise ValueError('the runs disagree on true labels, so they are not of the same clips')
    return second


def _common_names(first: Predictions, second: Predictions) -> list[list[str]]:
    """The clips' names in both, without the folders above where the same set lies elsewhere."""
    names = [[model.name(row) for row in range(len(model))] for model in (first, second)]
    for num_parts in (None, 2, 1):
        kept = slice(None if num_parts is None else -num_parts, None)
        keys = [['/'.join(PurePath(name).parts[kept]) for name in of_model] for of_model in names]
        same = set(keys[0]) == set(keys[1])
        if keys[0] == keys[1] or (same and len(set(keys[0])) == len(first)):
            return keys
    stray = sorted(set(names[0]) ^ set(names[1]))[:3]
    raise ValueError(f'the runs are not of the same clips; these differ: {stray}')
