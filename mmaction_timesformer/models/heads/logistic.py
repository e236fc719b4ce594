"""L2-regularised logistic regression on the rows that a `RidgeStatistics` keeps.

The penalty holds the solution in the space of the rows, which is small where features are many: the
problem is solved there by scikit-learn, and the result is that of all features.

Legend: N rows, F features, R their rank, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmaction_timesformer.models.heads.ridge import SMALLEST_WEIGHT, RidgeStatistics

SMALLEST_SQUARE = 1e-10
"""Directions of the rows with less of the largest one's spread are left out."""
ABSENT = -50.0
"""Logit of a class without rows."""


def solve_logistic(
    statistics: RidgeStatistics, strengths: Sequence[float], balanced: bool = True
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The classifiers of standardised features, their squares adding up to about 1.

    With ``z`` the features less their mean, over their deviation and over ``sqrt(F)``, each is what
    scikit-learn's ``LogisticRegression(C=1 / strength)`` finds for ``z``.

    Args:
        statistics: The rows.
        strengths: Of the penalty.
        balanced: Whether all classes weigh the same, however many rows they have.

    Returns:
        Weight (K, F) and bias (K,) for each strength, for the features as they come.

    Raises:
        ValueError: Rows of one class alone, or rows that are no longer kept.
    """
    mean, deviation = statistics.moments(balanced)
    scale = deviation * np.sqrt(statistics.num_features)
    present = [k for k, part in enumerate(statistics.classes) if part.weight > SMALLEST_WEIGHT]
    if len(present) < 2:
        raise ValueError('logistic regression needs clips of two classes')
    parts = [statistics.classes[k] for k in present]
    if any(part.products is not None for part in parts):
        raise ValueError(
            "there are more clips of a class than features, and they were not kept: use fit='ridge'"
        )
    rows = (np.concatenate([part.rows for part in parts]) - mean) / scale
    labels = np.repeat(present, [len(part.rows) for part in parts])
    whole = sum(part.weights.sum() for part in parts)
    weights = np.concatenate(
        [
            part.weights * (whole / (len(parts) * part.weights.sum()) if balanced else 1.0)
            for part in parts
        ]
    )
    from sklearn.linear_model import LogisticRegression  # slow to import

    axes, coordinates = _space_of(rows)
    found = []
    for strength in strengths:
        model = LogisticRegression(C=1 / strength, max_iter=10000, tol=1e-8)
        model.fit(coordinates, labels, sample_weight=weights)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(present) == 2:
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weight = np.zeros((statistics.num_classes, statistics.num_features))
        weight[present] = coefficients @ axes.T / scale
        bias = np.full(statistics.num_classes, ABSENT)
        bias[present] = intercepts - weight[present] @ mean
        found.append((weight, bias))
    return found


def _space_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal axes (F, R) of the rows (N, F), and the rows in them (N, R)."""
    left, spread, right = np.linalg.svd(rows, full_matrices=False)
    kept = np.square(spread) > SMALLEST_SQUARE * np.square(spread.max())
    return right[kept].T, left[:, kept] * spread[kept]
