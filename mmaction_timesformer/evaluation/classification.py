"""The metrics of a classifier: one for the whole, one for each class, each with its interval.

Legend: N clips, K classes, R resamples.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from sklearn import metrics

from mmaction_timesformer.evaluation.calibration import calibration_error
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
    hits_in_top,
    mean_of_defined,
    weighted_metrics,
)

FEWEST_RESAMPLES = 200
MOST_RANKINGS = 10**8
"""Resamples times clips times classes; a hundred million take about ten seconds."""

CLASS_METRICS = tuple(CLASS_MEANS)
RANKING_METRICS = {
    'average_precision': metrics.average_precision_score,
    'roc_auc': metrics.roc_auc_score,
}


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
        return asdict(self)


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
    per_class = _class_points(predictions)
    whole = {'top1': float(predictions.hits.mean())}
    if predictions.num_classes > 5:
        whole['top5'] = float(hits_in_top(predictions, 5).mean())
    for name, mean_name in CLASS_MEANS.items():
        whole[mean_name] = float(mean_of_defined(per_class[name]))
    if predictions.multi_label:
        whole['exact_match'] = float(metrics.accuracy_score(predictions.truth, predictions.decided))
    whole['log_loss'] = _log_loss(predictions)
    whole['calibration_error'] = calibration_error(predictions)
    estimates = {name: Estimate(value) for name, value in whole.items()}
    return estimates, {
        class_name: {name: Estimate(float(per_class[name][k])) for name in CLASS_METRICS}
        for k, class_name in enumerate(predictions.classes)
    }


def _class_points(predictions: Predictions) -> dict[str, np.ndarray]:
    """(K,) metrics by name, NaN for a class without clips."""
    truth, decided, scores = predictions.truth, predictions.decided, predictions.scores
    support = truth.sum(axis=0)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, decided, average=None, zero_division=0
    )
    figures = {'precision': precision, 'recall': recall, 'f1': f1}
    for name, ranking in RANKING_METRICS.items():
        figures[name] = np.array(
            [
                ranking(truth[:, k], scores[:, k]) if 0 < support[k] < len(scores) else np.nan
                for k in range(predictions.num_classes)
            ]
        )
    return {name: np.where(support > 0, values, np.nan) for name, values in figures.items()}


def _log_loss(predictions: Predictions) -> float:
    if not predictions.multi_label:
        classes = range(predictions.num_classes)
        return float(metrics.log_loss(predictions.labels, predictions.scores, labels=classes))
    yes_no = [
        metrics.log_loss(truth, scores, labels=[False, True])
        for truth, scores in zip(predictions.truth.T, predictions.scores.T, strict=True)
    ]
    return float(np.mean(yes_no))


def _confusion(predictions: Predictions) -> np.ndarray:
    classes = range(predictions.num_classes)
    return metrics.confusion_matrix(predictions.labels, predictions.top_class, labels=classes)
