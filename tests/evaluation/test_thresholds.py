"""Thresholds, counted by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from mmaction_timesformer.evaluation import (
    Predictions,
    threshold_table,
    thresholds_for_recall,
)


def two_classes(scores, labels):
    scores = np.asarray(scores, float)
    return Predictions(np.stack((1 - scores, scores), axis=1), np.asarray(labels), ('no', 'yes'))


def test_a_table_by_hand():
    predictions = two_classes([0.9, 0.6, 0.5, 0.2, 0.1], [1, 0, 1, 1, 0])
    low, high = threshold_table(predictions, (0.5, 0.95))['yes']
    assert (low.recall, low.precision) == pytest.approx((2 / 3, 2 / 3))
    assert (low.false_alarms, low.false_alarm_rate) == (1, 0.5)
    assert (high.recall, high.false_alarms) == (0, 0)
    assert np.isnan(high.precision)


def test_the_table_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    scores = generator.dirichlet(np.ones(3), size=200)
    labels = generator.integers(3, size=200)
    table = threshold_table(Predictions(scores, labels, ('a', 'b', 'c')))
    for k, rows in enumerate(table.values()):
        for row in rows:
            truth, reported = labels == k, scores[:, k] >= row.threshold
            assert row.recall == pytest.approx(recall_score(truth, reported))
            if reported.any():
                assert row.precision == pytest.approx(precision_score(truth, reported))
            assert row.false_alarms == (reported & ~truth).sum()


def test_the_threshold_for_a_recall_is_the_highest_that_reaches_it():
    generator = np.random.default_rng(1)
    predictions = two_classes(generator.uniform(size=97).round(2), generator.integers(2, size=97))
    for wanted, row in zip(
        (0.5, 0.9, 1.0), thresholds_for_recall(predictions, (0.5, 0.9, 1.0))['yes'], strict=True
    ):
        assert row.recall >= wanted
        (above,) = threshold_table(predictions, (row.threshold + 1e-6,))['yes']
        assert above.recall < wanted


def test_a_class_without_clips_has_no_threshold():
    assert thresholds_for_recall(two_classes([0.5], [0]))['yes'] == []
