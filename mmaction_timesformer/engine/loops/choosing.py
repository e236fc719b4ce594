"""How strong the penalty of a closed-form fit should be, and how sure its answers may be.

Both are chosen on cameras (recordings) that the fit has not seen: each group is predicted by a fit
of the others. What is chosen on clips of known cameras is too sure of itself on a new one.

Legend: N rows, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from mmaction_timesformer.evaluation.calibration import apply_temperature, fit_temperature
from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.models.heads.closed_form_head import FITS
from mmaction_timesformer.models.heads.novelty import squared_distance
from mmaction_timesformer.models.heads.ridge import RidgeStatistics

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
MOST_FOLDS = 10
DOUBTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
UNITS = {'ridge': 0.1, 'logistic': 1.0}
"""Ridge regression's scores are about 0 and 1, so that its temperatures are about this."""


@dataclass(frozen=True)
class Rows:
    """Clips to fit on.

    Attributes:
        features: (N, F).
        labels: (N,) classes.
        groups: (N,) cameras or recordings.
        weights: (N,); views of one clip share its weight.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    weights: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> Rows:
        """Some of the rows."""
        parts = (self.features, self.labels, self.groups, self.weights)
        return Rows(*(part[chosen] for part in parts))


@dataclass(frozen=True)
class Choice:
    """The choice, and its metrics on groups that the fit had not seen.

    Attributes:
        strength: Of the penalty.
        temperature: That logits are divided by.
        doubt: How much less certain a clip's answer is for being unlike those of training, see
            `NoveltyScaling`.
        log_loss: In nats, with both.
        accuracy: Of the most probable class.
    """

    strength: float
    temperature: float
    doubt: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class Fit:
    """A classifier of features.

    Attributes:
        weight: (K, F).
        bias: (K,).
        mean: (F,) of the features.
        deviation: (F,) of the features; infinite for a constant.
    """

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Features (N, F) to logits (N, K)."""
        return features @ self.weight.T + self.bias

    def calibrated(self, features: np.ndarray, choice: Choice) -> np.ndarray:
        """Features (N, F) to logits (N, K) whose softmax are probabilities."""
        distance = squared_distance(features, self.mean, self.deviation)
        return self.logits(features) / _scale(distance, choice.doubt) / choice.temperature


def choose(
    rows: Rows,
    num_classes: int,
    balanced: bool,
    strengths: Sequence[float] = STRENGTHS,
    fit: str = 'ridge',
) -> Choice:
    """Choose by the log loss on groups left out in turn; of as good ones the strongest penalty.

    Args:
        rows: The clips.
        num_classes: K.
        balanced: Whether all classes weigh the same.
        strengths: Of the penalty.
        fit: ``ridge`` or ``logistic``.

    Raises:
        ValueError: There is one group only.
    """
    num_groups = len(np.unique(rows.groups))
    if num_groups < 2:
        raise ValueError('the penalty is chosen on groups left out in turn, and there is one only')
    from sklearn.model_selection import GroupKFold  # slow to import

    folds = list(GroupKFold(min(num_groups, MOST_FOLDS)).split(rows.features, groups=rows.groups))
    strengths = sorted(strengths, reverse=True)
    logits = np.zeros((len(strengths), len(rows.labels), num_classes))
    distance = np.zeros(len(rows.labels))
    for train, test in folds:
        statistics = _statistics(rows[train], num_classes)
        solutions = FITS[fit](statistics, strengths, balanced)
        distance[test] = squared_distance(rows.features[test], *statistics.moments(balanced))
        for part, (weight, bias) in zip(logits, solutions, strict=True):
            part[test] = rows.features[test] @ weight.T + bias
    choices = [
        _judge(part / _scale(distance, doubt), rows.labels, UNITS[fit], (strength, doubt))
        for strength, part in zip(strengths, logits, strict=True)
        for doubt in DOUBTS
    ]
    return min(choices, key=lambda choice: choice.log_loss)


def fit_rows(
    rows: Rows, num_classes: int, strength: float, balanced: bool, fit: str = 'ridge'
) -> Fit:
    """One fit of all rows."""
    statistics = _statistics(rows, num_classes)
    weight, bias = FITS[fit](statistics, (strength,), balanced)[0]
    return Fit(weight, bias, *statistics.moments(balanced))


def _statistics(rows: Rows, num_classes: int) -> RidgeStatistics:
    statistics = RidgeStatistics(num_classes, rows.features.shape[1])
    statistics.add(rows.features, rows.labels.tolist(), rows.weights)
    return statistics


def _judge(
    logits: np.ndarray, labels: np.ndarray, unit: float, chosen: tuple[float, float]
) -> Choice:
    """The best temperature of logits (N, K), in units of `unit`, for a strength and a doubt."""
    names = tuple(map(str, range(logits.shape[1])))
    predictions = Predictions(softmax(logits / unit, axis=1), labels, names)
    temperature = fit_temperature(predictions)
    found = apply_temperature(predictions, temperature)
    loss = -np.log(found.scores[np.arange(len(logits)), labels].clip(1e-12)).mean()
    strength, doubt = chosen
    return Choice(strength, temperature * unit, doubt, float(loss), float(found.hits.mean()))


def _scale(distance: np.ndarray, doubt: float) -> np.ndarray:
    return np.sqrt(1 + doubt * distance)[:, None]
