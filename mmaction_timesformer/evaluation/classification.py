"""The metrics of a classifier: one for the whole, one for each class, each with its interval.

Legend: N clips, K classes, R resamples.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.evaluation.resampling import (
    LEVEL,
    NUM_RESAMPLES,
    positive_interval,
    resample,
    share_interval,
)
from mmaction_timesformer.evaluation.weighted_metrics import (
    CLASS_MEANS,
    weighted_metrics,
)

FEWEST_RESAMPLES = 200
MOST_RANKINGS = 10**8
"""Resamples times clips times classes; a hundred million take about ten seconds."""


@dataclass(frozen=True)
class Estimate:
    """A metric and its interval; NaN where undefined."""

    value: float
    low: float = float('nan')
    high: float = float('nan')


@dataclass(frozen=True)
class ClassificationMetrics:
    """Metrics of a classifier, computed from its predictions.

    Attributes:
        whole: Figures of the whole set, by name. Means are over the classes that have clips.
        per_class: The metrics of each class, by class name and metric name.
        support: Clips of each class.
        confusion: Clips by true class (rows) and most probable class; empty with several labels.
        num_clips: N.
        num_groups: What was resampled: recordings, or clips.
        resampled: ``recordings`` or ``clips``.
        level: Of the intervals.
    """

    whole: dict[str, Estimate]
    per_class: dict[str, dict[str, Estimate]]
    support: dict[str, int]
    confusion: list[list[int]]
    num_clips: int
    num_groups: int
    resampled: str
    level: float = LEVEL

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            **vars(self),  # and not asdict, which would copy the confusion matrix cell by cell
            'whole': {name: asdict(estimate) for name, estimate in self.whole.items()},
            'per_class': {
                name: {figure: asdict(estimate) for figure, estimate in figures.items()}
                for name, figures in self.per_class.items()
            },
        }


def classification_metrics(
    predictions: Predictions, num_resamples: int = NUM_RESAMPLES
) -> ClassificationMetrics:
    """Compute every metric.

    Args:
        predictions: N clips.
        num_resamples: R at most, see `affordable_resamples`; 0 leaves the intervals out.
    """
    whole, per_class = _points(predictions)
    num_resamples = min(num_resamples, affordable_resamples(predictions))
    groups = predictions.groups
    num_groups = int(groups.max()) + 1
    if num_resamples:
        resampled = resample(
            lambda weights: weighted_metrics(predictions, weights), groups, num_resamples
        )
        for name, point in whole.items():
            find = positive_interval if name == 'log_loss' else share_interval
            limits = find(resampled[name], point.value, num_groups)
            whole[name] = replace(point, low=limits[0], high=limits[1])
        for k, figures in enumerate(per_class.values()):
            for name, point in figures.items():
                telling = predictions.decided if name == 'precision' else predictions.truth
                num_telling = len(np.unique(groups[telling[:, k]]))
                limits = share_interval(resampled[name][:, k], point.value, num_telling)
                figures[name] = replace(point, low=limits[0], high=limits[1])
    confusion = [] if predictions.multi_label else _confusion(predictions).tolist()
    support = dict(zip(predictions.classes, predictions.truth.sum(axis=0).tolist(), strict=True))
    return ClassificationMetrics(
        whole,
        per_class,
        support,
        confusion,
        len(predictions),
        num_groups,
        'recordings' if predictions.recordings_known else 'clips',
    )


def affordable_resamples(predictions: Predictions) -> int:
    """Fewer resamples for many classes and clips, so that a thousand classes take seconds.

    A standard error from the fewest is known to within 5 %.
    """
    return max(FEWEST_RESAMPLES, MOST_RANKINGS // predictions.scores.size)


def _points(
    predictions: Predictions,
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    figures = weighted_metrics(predictions, np.ones((1, len(predictions))))
    whole = {
        name: Estimate(float(values[0])) for name, values in figures.items() if values.ndim == 1
    }
    return whole, {
        class_name: {name: Estimate(float(figures[name][0, k])) for name in CLASS_MEANS}
        for k, class_name in enumerate(predictions.classes)
    }


def _confusion(predictions: Predictions) -> np.ndarray:
    from sklearn.metrics import confusion_matrix  # slow to import

    classes = range(predictions.num_classes)
    return confusion_matrix(predictions.labels, predictions.top_class, labels=classes)
