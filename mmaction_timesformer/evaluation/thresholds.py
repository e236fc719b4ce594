"""Recall against false alarms, for a decision by threshold.

Legend: N clips, K classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmaction_timesformer.evaluation.predictions import Predictions

RECALLS = (0.9, 0.95, 0.99)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class ThresholdRow:
    """What happens if a class is reported wherever its probability reaches a threshold.

    Attributes:
        threshold: The least probability that is reported.
        recall: Share of the class's clips that are reported; NaN without any.
        precision: Share of the reports that are right; NaN without reports.
        false_alarms: Reports on clips of other classes.
        false_alarm_rate: Their share of all clips of other classes; NaN without any.
    """

    threshold: float
    recall: float
    precision: float
    false_alarms: int
    false_alarm_rate: float


def threshold_table(
    predictions: Predictions, thresholds: tuple[float, ...] = THRESHOLDS
) -> dict[str, list[ThresholdRow]]:
    """A row for each threshold, by class."""
    return {
        name: [
            _row(predictions.scores[:, k], predictions.truth[:, k], threshold)
            for threshold in thresholds
        ]
        for k, name in enumerate(predictions.classes)
    }


def thresholds_for_recall(
    predictions: Predictions, recalls: tuple[float, ...] = RECALLS
) -> dict[str, list[ThresholdRow]]:
    """By class, the highest threshold that still finds each share of its clips.

    On other clips it will find somewhat less: it was chosen on these. Empty for a class without
    clips.
    """
    found = {}
    for k, name in enumerate(predictions.classes):
        scores, truth = predictions.scores[:, k], predictions.truth[:, k]
        own = np.sort(scores[truth])[::-1]
        needed = [max(math.ceil(share * len(own) - 1e-9), 1) for share in recalls]
        found[name] = [_row(scores, truth, float(own[n - 1])) for n in needed if len(own)]
    return found


def _row(scores: np.ndarray, truth: np.ndarray, threshold: float) -> ThresholdRow:
    reported = scores >= threshold
    right, false_alarms = int((reported & truth).sum()), int((reported & ~truth).sum())
    return ThresholdRow(
        threshold,
        _share(right, int(truth.sum())),
        _share(right, int(reported.sum())),
        false_alarms,
        _share(false_alarms, int((~truth).sum())),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')
