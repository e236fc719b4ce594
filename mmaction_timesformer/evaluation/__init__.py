"""How good a classifier is, how sure that is, and how its errors look; knows no model."""

from mmaction_timesformer.evaluation.calibration import (
    apply_temperature,
    fit_temperature,
    reliability,
)
from mmaction_timesformer.evaluation.classification import (
    ClassificationMetrics,
    Estimate,
    classification_metrics,
)
from mmaction_timesformer.evaluation.classification_metric import ClassificationMetric
from mmaction_timesformer.evaluation.comparison import Comparison, compare
from mmaction_timesformer.evaluation.dumps import load_dump
from mmaction_timesformer.evaluation.predictions import Predictions, predictions_from_samples
from mmaction_timesformer.evaluation.resampling import (
    interval,
    positive_interval,
    resample,
    resampled_weights,
    share_interval,
)
from mmaction_timesformer.evaluation.thresholds import threshold_table, thresholds_for_recall

__all__ = [
    'ClassificationMetric',
    'ClassificationMetrics',
    'Comparison',
    'Estimate',
    'Predictions',
    'apply_temperature',
    'classification_metrics',
    'compare',
    'fit_temperature',
    'interval',
    'load_dump',
    'positive_interval',
    'predictions_from_samples',
    'reliability',
    'resample',
    'resampled_weights',
    'share_interval',
    'threshold_table',
    'thresholds_for_recall',
]
