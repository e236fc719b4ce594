"""Ridge regression onto classes from statistics that can be added up, and taken apart again.

What the fit needs of a class is the number of its rows, their sum, and their products: R'R for the
rows R themselves, or the sum of the products once the rows are many. So clips and classes can be
added later, clips can be forgotten, and the result is that of one fit.

Legend: N rows, F features, K classes, M rows that are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

SMALLEST_DEVIATION = 1e-6
"""Features that vary less than this are constants."""
SMALLEST_WEIGHT = 1e-9
"""Of a class; less is the rounding error of rows that were added and taken back."""
MOST_BYTES = 2**30
"""Products of all classes together are kept at hand, between fits, up to this size."""


MOST_KEPT = 2**22
"""Numbers in the rows of a class that are kept; in any case as many rows as features are."""


@dataclass
class ClassStatistics:
    """Statistics of the rows of one class.

    Attributes:
        weight: Sum of the rows' weights.
        total: (F,) weighted sum of the rows.
        rows: (M, F) rows that are kept as they came; M is at most F or `MOST_KEPT` / F.
        weights: (M,) their weights; a row that is taken back has a negative one.
        names: M names of what the rows were made from, empty where nobody gave one.
        products: (F, F) weighted sum of the products of rows that are no longer kept.
    """

    weight: float
    total: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    names: list[str]
    products: np.ndarray | None = None
    _sum: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def all_products(self) -> np.ndarray:
        """(F, F) products of all rows; computed once, then kept up to date."""
        if self._sum is None:
            kept = weighted_products(self.rows, self.weights)
            self._sum = kept if self.products is None else kept + self.products
        return self._sum

    @classmethod
    def empty(cls, num_features: int) -> ClassStatistics:
        """The statistics of no rows."""
        return cls(0.0, np.zeros(num_features), np.zeros((0, num_features)), np.zeros(0), [])

    def add(self, rows: np.ndarray, weights: np.ndarray, names: Sequence[str]) -> None:
        """Add rows (N, F) with weights (N,) and N names."""
        rows = np.asarray(rows, dtype=np.float64)
        self.weight += float(weights.sum())
        self.total = self.total + weights @ rows
        self.rows = np.concatenate([self.rows, rows])
        self.weights = np.concatenate([self.weights, weights])
        self.names = [*self.names, *names]
        if self._sum is not None:
            self._sum += weighted_products(rows, weights)
        num_features = self.rows.shape[1]
        if len(self.rows) > max(num_features, MOST_KEPT // num_features):
            self._fold()

    def forget(self, names: Collection[str]) -> int:
        """Remove the kept rows of these names, as if they had never come.

        Returns:
            How many these were.
        """
        gone = np.array([name in names for name in self.names], dtype=bool)
        if gone.any():
            self.weight -= float(self.weights[gone].sum())
            self.total = self.total - self.weights[gone] @ self.rows[gone]
            if self._sum is not None:
                self._sum -= weighted_products(self.rows[gone], self.weights[gone])
            self.rows, self.weights = self.rows[~gone], self.weights[~gone]
            self.names = [
                name for name, is_gone in zip(self.names, gone, strict=True) if not is_gone
            ]
        return int(gone.sum())

    def _fold(self) -> None:
        products = weighted_products(self.rows, self.weights)
        self.products = products if self.products is None else self.products + products
        self._sum = self.products.copy()
        self.rows, self.weights, self.names = self.rows[:0], self.weights[:0], []


def weighted_products(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(F, F) sum of ``weight * row' row``, twice as fast as a product of two matrices."""
    scaled = np.sqrt(np.abs(weights))[:, None] * rows
    back = weights < 0
    products = scaled[~back].T @ scaled[~back]
    return products - scaled[back].T @ scaled[back] if back.any() else products


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
        self,
        rows: np.ndarray,
        labels: Sequence[int],
        weights: np.ndarray | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        """Add rows (N, F) with labels (N,).

        Args:
            rows: The rows.
            labels: Their classes.
            weights: (N,), 1 by default; negative ones take rows back that were added before.
            names: N names under which `forget` finds them.

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
        weights = np.ones(len(numbers)) if weights is None else np.asarray(weights, dtype=float)
        names = [''] * len(numbers) if names is None else names
        for label in np.unique(numbers):
            chosen = np.flatnonzero(numbers == label).tolist()
            part = self.classes[label]
            part.add(rows[chosen], weights[chosen], [names[place] for place in chosen])

    def forget(self, names: Collection[str]) -> int:
        """Remove the rows of these names that are still kept; returns how many these were."""
        return sum(part.forget(names) for part in self.classes)

    def kept(self) -> Iterator[tuple[int, np.ndarray, np.ndarray, list[str]]]:
        """Class, rows (M, F), weights (M,) and names of what is kept row by row."""
        for number, part in enumerate(self.classes):
            yield number, part.rows, part.weights, part.names

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
        scale, whole = self._scales(balanced)
        mean, deviation = self.moments(balanced)
        share = np.zeros(self.num_classes)
        for k in scale:
            share[k] = scale[k] * self.classes[k].weight / whole
        # X'(Y - mean of Y) of centred features is the sum of each class less its share.
        moments = np.zeros((self.num_features, self.num_classes))
        for k in scale:
            moments[:, k] = scale[k] * self.classes[k].total - share[k] * whole * mean
        moments /= deviation[:, None]
        penalties = [strength * self.num_features for strength in strengths]
        gram, scaled_mean = self._gram(scale), mean / deviation
        if gram is not None:
            gram = gram / np.outer(deviation, deviation)
            gram -= whole * np.outer(scaled_mean, scaled_mean)
            solutions = [
                linalg.solve(_add_to_diagonal(gram, penalty), moments, assume_a='pos')
                for penalty in penalties
            ]
        else:
            rows = np.concatenate([self.classes[k].rows for k in scale])
            weights = np.concatenate([scale[k] * self.classes[k].weights for k in scale])
            # The mean is a row that is taken back.
            rows = np.concatenate([rows / deviation, scaled_mean[None]])
            solutions = _solve_wide(rows, np.append(weights, -whole), moments, penalties)
        found = [solution / deviation[:, None] for solution in solutions]
        return [(weight.T, share - mean @ weight) for weight in found]

    def _gram(self, scale: dict[int, float]) -> np.ndarray | None:
        """(F, F) products of all rows; None where there are fewer rows than features."""
        parts = [self.classes[k] for k in scale]
        num_rows = sum(len(part.rows) for part in parts)
        products = self._products(scale)
        if products is None and num_rows < self.num_features:
            return None
        if len(parts) * 8 * self.num_features**2 <= MOST_BYTES:
            terms = (scale[k] * self.classes[k].all_products for k in scale)
            return sum(terms, np.zeros((self.num_features, self.num_features)))
        rows = np.concatenate([part.rows for part in parts])
        weights = np.concatenate([scale[k] * self.classes[k].weights for k in scale])
        gram = weighted_products(rows, weights)
        return gram if products is None else gram + products

    def _products(self, scale: dict[int, float]) -> np.ndarray | None:
        """(F, F) products of the rows that are no longer kept."""
        parts = [(scale[k], self.classes[k].products) for k in scale]
        found = [factor * part for factor, part in parts if part is not None]
        return sum(found[1:], found[0]) if found else None

    def moments(self, balanced: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation (F,) of the features; the deviation of a constant is infinite."""
        scale, whole = self._scales(balanced)
        mean, squares = np.zeros((2, self.num_features))
        for k, factor in scale.items():
            part = self.classes[k]
            mean = mean + factor * part.total / whole
            squares = squares + factor * (part.weights @ np.square(part.rows))
        if (products := self._products(scale)) is not None:
            squares = squares + np.diag(products)
        deviation = np.sqrt((squares / whole - np.square(mean)).clip(min=0))
        return mean, np.where(deviation < SMALLEST_DEVIATION, np.inf, deviation)

    def _scales(self, balanced: bool) -> tuple[dict[int, float], float]:
        """Factors of the classes that have rows, and the sum of all weights."""
        present = [k for k, part in enumerate(self.classes) if part.weight > SMALLEST_WEIGHT]
        if not present:
            raise ValueError('there is nothing to fit: no clips were added')
        whole = sum(self.classes[k].weight for k in present)
        return {
            k: whole / (len(present) * self.classes[k].weight) if balanced else 1.0 for k in present
        }, whole


def _solve_wide(
    rows: np.ndarray, weights: np.ndarray, moments: np.ndarray, penalties: Sequence[float]
) -> list[np.ndarray]:
    """(rows' diag(weights) rows + penalty) W = moments, for fewer rows than features.

    Woodbury: with U the scaled rows and S the signs of their weights, (U' S U + p)^-1.
    """
    low, signs = np.sqrt(np.abs(weights))[:, None] * rows, np.where(weights < 0, -1.0, 1.0)
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
