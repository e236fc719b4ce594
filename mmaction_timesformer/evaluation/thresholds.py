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
    """Recall and false alarms of a class that is reported from a threshold on.

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
    scores, truth = predictions.scores, predictions.truth
    counts = [
        ((reported & truth).sum(axis=0), (reported & ~truth).sum(axis=0))
        for reported in (scores >= threshold for threshold in thresholds)
    ]
    support = truth.sum(axis=0)
    return {
        name: [
            _row(threshold, int(right[k]), int(wrong[k]), int(support[k]), len(truth))
            for threshold, (right, wrong) in zip(thresholds, counts, strict=True)
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
        chosen = [float(own[n - 1]) for n in needed if len(own)]
        found[name] = [
            _row(
                threshold,
                int((scores[truth] >= threshold).sum()),
                int((scores[~truth] >= threshold).sum()),
                len(own),
                len(truth),
            )
            for threshold in chosen
        ]
    return found


def _row(threshold: float, right: int, wrong: int, support: int, num_clips: int) -> ThresholdRow:
    return ThresholdRow(
        threshold,
        _share(right, support),
        _share(right, right + wrong),
        wrong,
        _share(wrong, num_clips - support),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')
