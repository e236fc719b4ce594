"""Calibration error by hand, and temperatures that are known."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from mmaction_timesformer.evaluation import (
    Predictions,
    apply_temperature,
    fit_temperature,
    reliability,
)
from mmaction_timesformer.evaluation.weighted_metrics import (
    negative_log_likelihood,
    weighted_metrics,
)


def calibration_error(predictions):
    return weighted_metrics(predictions, np.ones((1, len(predictions))))['calibration_error'][0]


def overconfident(temperature, num_clips=4000, multi_label=False):
    """Labels drawn from a model's true probabilities, scores that are too sure (or too unsure)."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(num_clips, 4)) * 1.5
    if multi_label:
        labels = generator.random(logits.shape) < expit(logits)
        scores = expit(logits * temperature)
    else:
        labels = np.array([generator.choice(4, p=row) for row in softmax(logits, axis=1)])
        scores = softmax(logits * temperature, axis=1)
    return Predictions(scores, labels, tuple('abcd'))


@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('temperature', [0.5, 1.0, 3.0])
def test_the_true_temperature_is_found(temperature, multi_label):
    predictions = overconfident(temperature, multi_label=multi_label)
    fitted = fit_temperature(predictions)
    assert fitted == pytest.approx(temperature, rel=0.08)
    scaled = apply_temperature(predictions, fitted)
    assert calibration_error(scaled) < 0.03
    if temperature != 1:
        assert calibration_error(predictions) > 2 * calibration_error(scaled)
        losses = [negative_log_likelihood(given).mean() for given in (scaled, predictions)]
        assert losses[0] < losses[1]
    np.testing.assert_array_equal(scaled.top_class, predictions.top_class)


def test_a_temperature_undone_gives_the_scores_back():
    predictions = overconfident(1.0, 20)
    there = apply_temperature(predictions, 2.5)
    np.testing.assert_allclose(apply_temperature(there, 1 / 2.5).scores, predictions.scores)


def test_a_faultless_model_is_not_made_infinitely_sure():
    """Ten clips, all right at 0.6: taken for right 11 times in 12, so that 0.6 becomes 11/12."""
    predictions = Predictions(np.tile([0.6, 0.4], (10, 1)), np.zeros(10, int), ('a', 'b'))
    fitted = fit_temperature(predictions)
    assert fitted == pytest.approx(np.log(0.6 / 0.4) / np.log(11), rel=1e-3)
    scaled = apply_temperature(predictions, fitted)
    np.testing.assert_allclose(scaled.scores[:, 0], 11 / 12, rtol=1e-3)
    assert fit_temperature(scaled) == pytest.approx(1, rel=1e-3)


def test_calibration_error_by_hand():
    """Two clips at 0.9, one right; two at 0.55, both right; each pair in a bin."""
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.55, 0.45], [0.55, 0.45]])
    predictions = Predictions(scores, np.array([0, 1, 0, 0]), ('a', 'b'))
    assert calibration_error(predictions) == pytest.approx((2 * 0.4 + 2 * 0.45) / 4)
    first, second = reliability(predictions)
    assert (first.confidence, first.accuracy, first.num_clips) == (pytest.approx(0.55), 1.0, 2)
    assert (second.confidence, second.accuracy) == (pytest.approx(0.9), 0.5)
    assert second.low < 0.5 < second.high
    assert first.low < 1.0


def test_reliability_bins_hold_every_clip_once():
    predictions = overconfident(2.0, 500)
    assert sum(bin_.num_clips for bin_ in reliability(predictions)) == 500
