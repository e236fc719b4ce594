"""Figures as text tables, for logs and terminals."""

from __future__ import annotations

import math

import pandas as pd

from mmaction_timesformer.evaluation.classification import (
    ClassificationMetrics,
    Estimate,
)
from mmaction_timesformer.evaluation.weighted_metrics import CLASS_MEANS

ONE_RECORDING = (
    'all of one recording, so there are no intervals: they tell how much metrics would differ on '
    'other recordings, and one recording cannot. Cross-validation over recordings can '
    '(prepare_dataset.py --folds or --leave-one-group-out).'
)
"""Why a test list of one camera gives bare metrics."""


def format_estimate(estimate: Estimate) -> str:
    """A metric with its interval, ``0.724 [0.651, 0.790]``; a dash where undefined."""
    if not math.isfinite(estimate.value):
        return '-'
    if not math.isfinite(estimate.low):
        return f'{estimate.value:.3f}'
    return f'{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]'


def whole_table(figures: ClassificationMetrics) -> str:
    """The metrics of the whole set."""
    title = f'{figures.num_clips} clips; '
    if figures.num_groups > 1:
        title += f'{100 * figures.level:.0f} % intervals over '
        title += f'{figures.num_groups} {figures.resampled}'
    elif figures.resampled == 'recordings':
        title += ONE_RECORDING
    else:
        title += 'no intervals of a single clip'
    rows = {name: format_estimate(estimate) for name, estimate in figures.whole.items()}
    return f'{title}\n{pd.Series(rows).to_string()}'


def class_table(figures: ClassificationMetrics) -> str:
    """The metrics of each class."""
    rows = {
        name: {'clips': figures.support[name]}
        | {figure: format_estimate(of_class[figure]) for figure in CLASS_MEANS}
        for name, of_class in figures.per_class.items()
    }
    return pd.DataFrame.from_dict(rows, orient='index').to_string()


def confusion_table(figures: ClassificationMetrics) -> str:
    """The confusion matrix, true classes in rows."""
    names = list(figures.per_class)
    table = pd.DataFrame(figures.confusion, index=names, columns=names)
    return f'true class (rows), predicted class (columns)\n{table.to_string()}'
