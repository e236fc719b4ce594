"""The metrics of :mod:`.classification` as a metric of mmengine's training and test loops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmaction_timesformer.evaluation.calibration import fit_temperature
from mmaction_timesformer.evaluation.classification import (
    ClassificationMetrics,
    classification_metrics,
)
from mmaction_timesformer.evaluation.metric_tables import class_table, confusion_table, whole_table
from mmaction_timesformer.evaluation.predictions import CLIP_FACTS, predictions_from_samples
from mmaction_timesformer.evaluation.resampling import NUM_RESAMPLES
from mmaction_timesformer.registry import METRICS

MAX_CLASSES_SHOWN = 20
WITH_INTERVAL = ('top1', 'mean_class_accuracy', 'macro_f1')
"""Figures whose limits are returned too; the log's table has those of all."""


@METRICS.register_module()
class ClassificationMetric(BaseMetric):
    """Accuracy with intervals, per class and calibrated; stands beside mmaction2's ``AccMetric``.

    What it returns can be named by ``save_best``: ``cls/top1``, ``cls/top5`` (with more than 5
    classes), ``cls/mean_class_accuracy``, ``cls/macro_precision``, ``cls/macro_f1``,
    ``cls/mean_average_precision``, ``cls/macro_roc_auc``, ``cls/exact_match`` (several labels),
    ``cls/log_loss``, ``cls/calibration_error``; the limits of the 95 % interval of the three that
    lead (``cls/top1_low``, ``cls/top1_high``, ...); by class ``cls/recall/<class>`` and the same
    for precision, f1, average_precision and roc_auc. ``cls/macro_f1``, ``cls/exact_match`` and a
    class's recall and f1 need an explicit ``rule='greater'``, and ``cls/calibration_error``
    ``rule='less'``, since mmengine infers it from names that it knows. A metric that
    is undefined, as for a class without clips, is left out.

    ``cls/temperature`` is the temperature fitted to these very clips: of use on validation data,
    where ``TemperatureHook`` takes it, and a diagnosis elsewhere.

    Args:
        num_resamples: Bootstrap resamples for the intervals; 0 leaves them out.
        per_class: Whether to return and log the metrics of each class and the confusion matrix;
            ``None`` does so for up to 20 classes.
        collect_device: As in mmengine.
        prefix: Of the names; ``cls`` by default.
    """

    default_prefix = 'cls'

    def __init__(
        self,
        num_resamples: int = NUM_RESAMPLES,
        per_class: bool | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if num_resamples < 0:
            raise ValueError(f'num_resamples={num_resamples} is negative')
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.num_resamples = num_resamples
        self.per_class = per_class

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the metrics need of a batch; inputs are dropped."""
        keys = ('pred_score', 'gt_label', *CLIP_FACTS)
        for sample in data_samples:
            kept = {key: sample[key] for key in keys if key in sample}
            self.results.append(
                {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in kept.items()}
            )

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Figures by name: numbers, and the confusion matrix as lists."""
        classes = (self.dataset_meta or {}).get('classes')
        predictions = predictions_from_samples(results, classes)
        figures = classification_metrics(predictions, self.num_resamples)
        shown = self.per_class
        if shown is None:
            shown = predictions.num_classes <= MAX_CLASSES_SHOWN
        self._log(figures, shown)
        values = {'temperature': fit_temperature(predictions)}
        for name, estimate in figures.whole.items():
            values[name] = estimate.value
            if name in WITH_INTERVAL:
                values |= {f'{name}_low': estimate.low, f'{name}_high': estimate.high}
        if shown:
            for class_name, of_class in figures.per_class.items():
                values |= {f'{name}/{class_name}': e.value for name, e in of_class.items()}
        # save_best='auto' takes the first entry.
        values = {'top1': values.pop('top1'), **values}
        # Limits stay, also where they are NaN: mmengine would show those of an earlier epoch.
        metrics: dict[str, Any] = {
            name: value
            for name, value in values.items()
            if math.isfinite(value) or name.endswith(('_low', '_high'))
        }
        if shown and figures.confusion:
            metrics['confusion_matrix'] = figures.confusion
        return metrics

    def _log(self, figures: ClassificationMetrics, per_class: bool) -> None:
        tables = [whole_table(figures)]
        if per_class:
            tables.append(class_table(figures))
            if figures.confusion:
                tables.append(confusion_table(figures))
        print_log('\n' + '\n\n'.join(tables), logger='current')
