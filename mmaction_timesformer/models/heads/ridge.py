"""Ridge regression onto classes from statistics that can be added up.

What the fit needs of a class is the number of its rows, their sum, and their products: R'R for the
rows R themselves, or for the triangle of a QR decomposition once there are more rows than
features. So clips and classes can be added later, and the result is that of one fit.

Legend: N rows, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

SMALLEST_DEVIATION = 1e-6
"""Features that vary less than this are constants."""


@dataclass
class ClassStatistics:
    """Statistics of the rows of one class.

    Attributes:
        weight: Sum of the rows' weights.
        factor: (M, F) with ``factor.T @ factor`` the weighted sum of products; M is at most F.
        total: (F,) weighted sum of the rows.
    """

    weight: float
    factor: np.ndarray
    total: np.ndarray

    @classmethod
    def empty(cls, num_features: int) -> ClassStatistics:
        """The statistics of no rows."""
        return cls(0.0, np.zeros((0, num_features)), np.zeros(num_features))

    def add(self, rows: np.ndarray, weights: np.ndarray) -> None:
        """Add rows (N, F) with weights (N,)."""
        rows = np.asarray(rows, dtype=np.float64)
        self.weight += float(weights.sum())
        self.total = self.total + weights @ rows
        self.factor = np.concatenate([self.factor, np.sqrt(weights)[:, None] * rows])
        if len(self.factor) > self.factor.shape[1]:
            self.factor = linalg.qr(self.factor, mode='r')[0][: self.factor.shape[1]]


@dataclass
class RidgeStatistics:
    """The statistics of several classes, and the classifier that follows from them.

    Args:
        num_classes: K.
        num_features: F.
    """

    num_classes: int
    num_features: int
    classes: list[ClassStatistics] = field(default_factory=list)

    def __post_init__(self) -> None:
        while len(self.classes) < self.num_classes:
            self.classes.append(ClassStatistics.empty(self.num_features))

    def add(
        self, rows: np.ndarray, labels: Sequence[int], weights: np.ndarray | None = None
    ) -> None:
        """Add rows (N, F) with labels (N,) and weights (N,), 1 by default.

        Raises:
            ValueError: Shapes that do not fit, or a label that is not among the classes.
        """
        numbers = np.asarray(labels, dtype=int)
        if rows.ndim != 2 or rows.shape != (len(numbers), self.num_features):
            raise ValueError(
                f'rows of shape {rows.shape} are not ({len(labels)} labels, '
                f'{self.num_features} features)'
            )
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.num_classes):
            raise ValueError(
                f'labels {sorted(set(numbers.tolist()))} are not all in 0..{self.num_classes - 1}'
            )
        weights = np.ones(len(numbers)) if weights is None else weights
        for label in np.unique(numbers):
            chosen = numbers == label
            self.classes[label].add(rows[chosen], weights[chosen])

    def grow(self, num_classes: int) -> None:
        """Make room for more classes."""
        if num_classes < self.num_classes:
            raise ValueError(f'there are {self.num_classes} classes already, not {num_classes}')
        self.num_classes = num_classes
        self.__post_init__()

    def solve(self, strength: float, balanced: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """The classifier that regresses standardised features onto one-hot labels.

        With ``z`` the features less their mean and over their deviation, it is what scikit-learn's
        ``Ridge(alpha=strength * F)`` finds for ``z``.

        Args:
            strength: Of the penalty, in units of the number of features.
            balanced: Whether all classes weigh the same, however many rows they have.

        Returns:
            Weight (K, F) and bias (K,), for the features as they come.

        Raises:
            ValueError: There are no rows.
        """
        return self.solve_each((strength,), balanced)[0]

    def solve_each(
        self, strengths: Sequence[float], balanced: bool = True
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """`solve` for several strengths in little more time than for one."""
        present = [k for k, part in enumerate(self.classes) if part.weight > 0]
        if not present:
            raise ValueError('there is nothing to fit: no clips were added')
        whole = sum(self.classes[k].weight for k in present)
        scale = {
            k: whole / (len(present) * self.classes[k].weight) if balanced else 1.0 for k in present
        }
        share = np.zeros(self.num_classes)
        share[present] = [scale[k] * self.classes[k].weight / whole for k in present]
        mean = sum(scale[k] * self.classes[k].total for k in present) / whole
        factor = np.concatenate([np.sqrt(scale[k]) * self.classes[k].factor for k in present])
        variance = np.square(factor).sum(axis=0) / whole - np.square(mean)
        deviation = np.sqrt(variance.clip(min=0))
        deviation = np.where(deviation < SMALLEST_DEVIATION, np.inf, deviation)
        # X'(Y - mean of Y) of centred features is the sum of each class less its share.
        moments = np.zeros((self.num_features, self.num_classes))
        for k in present:
            moments[:, k] = scale[k] * self.classes[k].total - share[k] * whole * mean
        moments /= deviation[:, None]
        solutions = _solve_centred(
            factor / deviation, np.sqrt(whole) * mean / deviation, moments, strengths
        )
        weights = [solution / deviation[:, None] for solution in solutions]
        return [(weight.T, share - mean @ weight) for weight in weights]


def _solve_centred(
    factor: np.ndarray, mean: np.ndarray, moments: np.ndarray, strengths: Sequence[float]
) -> list[np.ndarray]:
    """(factor' factor - mean mean' + strength F) W = moments, by the smaller of two systems."""
    num_rows, num_features = factor.shape
    penalties = [strength * num_features for strength in strengths]
    if num_rows >= num_features:
        gram = factor.T @ factor - np.outer(mean, mean)
        return [
            linalg.solve(_add_to_diagonal(gram, penalty), moments, assume_a='pos')
            for penalty in penalties
        ]
    # Woodbury: with U = [factor' mean] and S = diag(1, ..., 1, -1), (U S U' + p)^-1.
    low = np.concatenate([factor, mean[None]])
    signs = np.ones(len(low))
    signs[-1] = -1.0
    inner, seen = low @ low.T, low @ moments
    solutions = []
    for penalty in penalties:
        answer = linalg.solve(_add_to_diagonal(inner, penalty * signs), seen, assume_a='sym')
        solutions.append((moments - low.T @ answer) / penalty)
    return solutions


def _add_to_diagonal(matrix: np.ndarray, values: float | np.ndarray) -> np.ndarray:
    result = matrix.copy()
    result[np.diag_indices_from(result)] += values
    return result
