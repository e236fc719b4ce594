"""Whether a probability of 0.8 is right eight times in ten, and how to make it so.

Temperature scaling (Guo et al. 2017, arXiv 1706.04599): all logits are divided by one number that
is fitted on validation clips. The order of the classes, and so every decision, stays.

Legend: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from scipy.stats import binomtest

from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.evaluation.weighted_metrics import SMALLEST_PROBABILITY

TEMPERATURE_RANGE = (0.05, 20.0)
_LIMIT_TOLERANCE = 0.01


def logits_of(predictions: Predictions) -> np.ndarray:
    """(N, K) logits, up to a constant for each clip, that give the predictions' probabilities."""
    scores = predictions.scores.clip(SMALLEST_PROBABILITY, 1)
    if not predictions.multi_label:
        return np.log(scores)
    return np.log(scores) - np.log((1 - predictions.scores).clip(SMALLEST_PROBABILITY, 1))


def apply_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The predictions of a model whose logits are divided by a temperature."""
    logits = logits_of(predictions) / temperature
    scores = expit(logits) if predictions.multi_label else softmax(logits, axis=1)
    return predictions.with_scores(scores)


def fit_temperature(predictions: Predictions) -> float:
    """The temperature that makes the labels most likely.

    Labels are taken for right in N + 1 of N + 2 clips (Platt 1999, Sec. 2.2). With many clips that
    changes nothing; a model that is right on every clip of a few is not made infinitely sure.

    Args:
        predictions: Of validation clips, which the model has not been trained on.
    """
    logits, truth = logits_of(predictions), predictions.truth
    doubt = 1 / (len(predictions) + 2)
    num_others = 1 if predictions.multi_label else predictions.num_classes - 1
    targets = np.where(truth, 1 - doubt, doubt / num_others)

    def cost(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        if predictions.multi_label:
            losses = targets * np.logaddexp(0, -scaled) + (1 - targets) * np.logaddexp(0, scaled)
        else:
            losses = -targets * log_softmax(scaled, axis=1)
        return float(losses.sum())

    low, high = np.log(TEMPERATURE_RANGE)
    return float(np.exp(minimize_scalar(cost, bounds=(low, high), method='bounded').x))


def is_usable(temperature: float) -> bool:
    """Whether a fitted temperature lies inside its range.

    At an end of it no temperature fits: the logits say nothing about the clips, or there are too
    few clips. Dividing by it would flatten every probability, and no alarm could ever come.
    """
    low, high = TEMPERATURE_RANGE
    return low * (1 + _LIMIT_TOLERANCE) < temperature < high * (1 - _LIMIT_TOLERANCE)


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips of similar confidence: how sure the model was and how often it was right.

    ``low`` and ``high`` are Wilson's 95 % interval of ``accuracy``, as if clips were independent.
    """

    confidence: float
    accuracy: float
    low: float
    high: float
    num_clips: int


def reliability(predictions: Predictions, num_bins: int = 10) -> list[ReliabilityBin]:
    """The reliability curve; empty bins are left out.

    With several labels a clip counts once for every class, with that class's yes.
    """
    if predictions.multi_label:
        confidence, hits = predictions.scores.ravel(), predictions.truth.ravel()
    else:
        confidence, hits = predictions.confidence, predictions.hits
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    curve = []
    for number in np.unique(bins):
        inside = bins == number
        tries, successes = int(inside.sum()), int(hits[inside].sum())
        wilson = binomtest(successes, tries).proportion_ci(method='wilson')
        curve.append(
            ReliabilityBin(
                float(confidence[inside].mean()),
                successes / tries,
                float(wilson.low),
                float(wilson.high),
                tries,
            )
        )
    return curve
