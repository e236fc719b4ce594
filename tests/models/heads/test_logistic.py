"""Logistic regression in the space of the rows, against scikit-learn's in the space of features."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mmaction_timesformer.models.heads import ridge
from mmaction_timesformer.models.heads.logistic import ABSENT, solve_logistic
from mmaction_timesformer.models.heads.ridge import RidgeStatistics


def make_rows(number=60, num_features=90, num_classes=3):
    generator = np.random.default_rng(0)
    labels = generator.choice(num_classes, number, p=[0.6, 0.3, 0.1][:num_classes])
    centres = generator.normal(size=(num_classes, num_features))
    return centres[labels] + generator.normal(scale=2, size=(number, num_features)) + 3, labels


def statistics_of(rows, labels, num_classes=3) -> RidgeStatistics:
    statistics = RidgeStatistics(num_classes, rows.shape[1])
    statistics.add(rows, labels.tolist())
    return statistics


@pytest.mark.parametrize('balanced', [True, False])
@pytest.mark.parametrize('strength', [0.01, 1.0])
def test_equals_scikit_learn(balanced, strength):
    rows, labels = make_rows()
    ((weight, bias),) = solve_logistic(statistics_of(rows, labels), (strength,), balanced)
    shares = 1 / np.bincount(labels)[labels] if balanced else np.ones(len(labels))
    mean = np.average(rows, axis=0, weights=shares)
    deviation = np.sqrt(np.average(np.square(rows - mean), axis=0, weights=shares))
    scaled = (rows - mean) / deviation / np.sqrt(rows.shape[1])
    peer = LogisticRegression(
        C=1 / strength, class_weight='balanced' if balanced else None, max_iter=10000, tol=1e-9
    )
    peer.fit(scaled, labels)
    expected = peer.predict_proba(scaled)
    logits = rows @ weight.T + bias
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_absent_classes_and_order():
    rows, labels = make_rows()
    some = labels != 1
    ((weight, bias),) = solve_logistic(statistics_of(rows[some], labels[some]), (0.1,))
    assert bias[1] == ABSENT
    assert not weight[1].any()
    order = np.random.default_rng(1).permutation(np.flatnonzero(some))
    ((other, _),) = solve_logistic(statistics_of(rows[order], labels[order]), (0.1,))
    np.testing.assert_allclose(other, weight, atol=1e-4)


def test_what_it_cannot_do(monkeypatch):
    monkeypatch.setattr(ridge, 'MOST_KEPT', 0)
    rows, labels = make_rows(40, 5)
    with pytest.raises(ValueError, match='not kept'):
        solve_logistic(statistics_of(rows, labels), (1.0,))
    with pytest.raises(ValueError, match='two classes'):
        solve_logistic(statistics_of(rows[:3], np.zeros(3, int)), (1.0,))
