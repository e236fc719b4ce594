"""Classification metrics as functions of clip weights, many weightings at once.

scikit-learn computes each of these for one weighting (``sample_weight``), and the tests hold them
equal; a bootstrap needs thousands of weightings, and here they are one matrix product.

Legend: N clips, K classes, R weightings.
"""

from __future__ import annotations

import numpy as np

from mmaction_timesformer.evaluation.predictions import Predictions

NUM_BINS = 15
SMALLEST_PROBABILITY = float(np.finfo(float).eps)


def weighted_metrics(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric.

    Args:
        predictions: N clips.
        weights: (R, N).

    Returns:
        By name, (R,) metrics of the whole and (R, K) metrics of the classes; the latter are NaN
        where a weighting has no clip of the class. Means are over classes that have clips. The
        calibration error is that of the most probable class, with several labels of every class's
        yes or no. Chance moves bins apart, never together: of few clips it comes out too high.
    """
    per_class = {
        **_decision_metrics(predictions, weights),
        **_ranking_metrics(predictions, weights),
    }
    total = weights.sum(axis=1)
    with np.errstate(invalid='ignore'):
        whole = {'top1': weights @ predictions.hits / total}
        if predictions.num_classes > 5:
            whole['top5'] = weights @ hits_in_top(predictions, 5) / total
        for name, mean_name in CLASS_MEANS.items():
            whole[mean_name] = mean_of_defined(per_class[name])
        if predictions.multi_label:
            exact = (predictions.decided == predictions.truth).all(axis=1)
            whole['exact_match'] = weights @ exact / total
        whole['log_loss'] = weights @ negative_log_likelihood(predictions) / total
        whole['calibration_error'] = np.abs(weights @ _gaps(predictions)).sum(axis=1) / total
    return whole | per_class


CLASS_MEANS = {
    'precision': 'macro_precision',
    'recall': 'mean_class_accuracy',
    'f1': 'macro_f1',
    'average_precision': 'mean_average_precision',
    'roc_auc': 'macro_roc_auc',
}
"""Figures of a class and the name of their mean over classes."""


def mean_of_defined(per_class: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    defined = np.isfinite(per_class)
    with np.errstate(invalid='ignore'):
        return np.where(defined, per_class, 0).sum(axis=-1) / defined.sum(axis=-1)


def hits_in_top(predictions: Predictions, k: int) -> np.ndarray:
    """(N,) booleans: a true class is among the k most probable."""
    top = np.argsort(-predictions.scores, axis=1, kind='stable')[:, :k]
    in_top: np.ndarray = np.take_along_axis(predictions.truth, top, axis=1)
    return in_top.sum(axis=1) > 0


def negative_log_likelihood(predictions: Predictions) -> np.ndarray:
    """(N,) natural logarithms; with several labels the mean over the classes' yes and no."""
    of_truth = np.where(predictions.truth, predictions.scores, 1 - predictions.scores)
    if not predictions.multi_label:
        of_truth = predictions.scores[predictions.truth]
    losses = -np.log(of_truth.clip(SMALLEST_PROBABILITY, 1))
    return losses.mean(axis=1) if predictions.multi_label else losses


def _gaps(predictions: Predictions) -> np.ndarray:
    """(N, bins): what a clip adds to the distance of accuracy and confidence in each bin."""
    confidence, hits = predictions.confidence[:, None], predictions.hits[:, None]
    if predictions.multi_label:
        confidence, hits = predictions.scores, predictions.truth
    gaps = (hits - confidence) / confidence.shape[1]
    # As torchmetrics does, with a bin of its own for 1.
    bins = np.digitize(confidence, np.linspace(0, 1, NUM_BINS + 1))
    return np.stack([(gaps * (bins == k + 1)).sum(axis=1) for k in range(NUM_BINS + 1)], axis=1)


def _decision_metrics(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    truth, decided = predictions.truth, predictions.decided
    true_positives = weights @ (truth & decided)
    support = weights @ truth
    chosen = weights @ decided
    occurs = support > 0
    with np.errstate(invalid='ignore', divide='ignore'):
        # A class that is never chosen has no precision; scikit-learn and the field count it as 0.
        precision = np.where(chosen > 0, true_positives / chosen, 0.0)
        figures = {
            'precision': precision,
            'recall': true_positives / support,
            'f1': 2 * true_positives / (support + chosen),
        }
    return {name: np.where(occurs, values, np.nan) for name, values in figures.items()}


def _ranking_metrics(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """(R, K) metrics of the order in which each class's scores put the clips.

    Average precision is the mean precision at each true clip; the area under the ROC curve says
    how often a true clip has a higher score than another, ties counted half. NaN where a class has
    no true clips or no others.
    """
    shape = len(weights), predictions.num_classes
    average_precision, roc_auc = np.full(shape, np.nan), np.full(shape, np.nan)
    total = weights.sum(axis=1, keepdims=True)
    for k in np.flatnonzero((~predictions.truth).any(axis=0)):
        order = np.argsort(-predictions.scores[:, k], kind='stable')
        scores = -predictions.scores[order, k]
        places = np.flatnonzero(predictions.truth[order, k])
        of_true = weights[:, order[places]]
        sums, sums_of_true = (np.cumsum(some, axis=1) for some in (weights[:, order], of_true))
        # Weights of clips with a higher score than each true clip, and with at least as high a one.
        higher, as_high = (
            (
                _until(sums, np.searchsorted(scores, scores[places], side)),
                _until(sums_of_true, np.searchsorted(scores[places], scores[places], side)),
            )
            for side in ('left', 'right')
        )
        total_true = of_true.sum(axis=1, keepdims=True)
        others_below = total - total_true - (as_high[0] - as_high[1])
        others_tied = as_high[0] - as_high[1] - (higher[0] - higher[1])
        with np.errstate(invalid='ignore', divide='ignore'):
            precision = np.where(as_high[0] > 0, as_high[1] / as_high[0], 0.0)
            average_precision[:, k] = (of_true * precision).sum(axis=1) / total_true[:, 0]
            area = (of_true * (others_below + others_tied / 2)).sum(axis=1)
            roc_auc[:, k] = area / (total_true * (total - total_true))[:, 0]
    return {'average_precision': average_precision, 'roc_auc': roc_auc}


def _until(sums: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Running sums (R, n) up to, and without, some places: (R, len(ends))."""
    return np.where(ends > 0, sums[:, ends - 1], 0.0)
