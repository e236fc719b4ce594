"""Ridge regression from statistics, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.preprocessing import StandardScaler

from mmaction_timesformer.models.heads import ridge
from mmaction_timesformer.models.heads.ridge import RidgeStatistics

STRENGTH = 0.05


def make_rows(number=60, num_features=12, num_classes=3, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.choice(num_classes, number, p=[0.6, 0.3, 0.1])
    centres = generator.normal(size=(num_classes, num_features))
    rows = centres[labels] + generator.normal(scale=1.5, size=(number, num_features)) + 3
    return rows * generator.uniform(0.1, 10, num_features), labels


def solve(rows, labels, parts=1, weights=None, balanced=True):
    statistics = RidgeStatistics(3, rows.shape[1])
    weights = np.ones(len(labels)) if weights is None else weights
    for numbers in np.array_split(np.arange(len(labels)), parts):
        statistics.add(rows[numbers], labels[numbers], weights[numbers])
    return statistics.solve(STRENGTH, balanced)


@pytest.mark.parametrize(('number', 'num_features'), [(60, 12), (12, 40)], ids=['tall', 'wide'])
def test_equals_scikit_learn(number, num_features):
    rows, labels = make_rows(number, num_features)
    weight, bias = solve(rows, labels, balanced=False)
    scaled = StandardScaler().fit_transform(rows)
    peer = Ridge(alpha=STRENGTH * num_features).fit(scaled, np.eye(3)[labels])
    np.testing.assert_allclose(rows @ weight.T + bias, peer.predict(scaled), atol=1e-8)


def test_balanced_equals_the_balanced_classifier():
    rows, labels = make_rows()
    weight, bias = solve(rows, labels)
    shares = 1 / (3 * np.bincount(labels)[labels])
    mean = shares @ rows
    deviation = np.sqrt(shares @ np.square(rows - mean))
    scaled = (rows - mean) / deviation
    peer = RidgeClassifier(alpha=STRENGTH * 12, class_weight='balanced').fit(scaled, labels)
    # The classifier's targets are -1 and 1, ours 0 and 1.
    np.testing.assert_allclose(
        2 * (rows @ weight.T + bias) - 1, peer.decision_function(scaled), atol=1e-8
    )


@pytest.mark.parametrize('num_features', [12, 40])
def test_increments_and_order_do_not_matter(num_features):
    rows, labels = make_rows(100, num_features)
    weight, bias = solve(rows, labels)
    order = np.random.default_rng(1).permutation(len(labels))
    for parts in (1, 7, 100):
        other = solve(rows[order], labels[order], parts)
        np.testing.assert_allclose(other[0], weight, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other[1], bias, rtol=1e-6, atol=1e-9)


def test_more_rows_than_features_are_folded_where_they_are_many(monkeypatch):
    rows, labels = make_rows(600, 12)
    statistics = RidgeStatistics(3, 12)
    statistics.add(rows, labels)
    assert all(part.products is None for part in statistics.classes)
    monkeypatch.setattr(ridge, 'MOST_KEPT', 0)
    rows, labels = make_rows(600, 12)
    statistics = RidgeStatistics(3, 12)
    statistics.add(rows, labels)
    assert all(len(part.rows) <= 12 for part in statistics.classes)
    for k, part in enumerate(statistics.classes):
        kept = part.rows.T @ part.rows
        whole = kept if part.products is None else kept + part.products
        np.testing.assert_allclose(whole, rows[labels == k].T @ rows[labels == k])


@pytest.mark.parametrize('num_features', [12, 130, 400], ids=['folded', 'tall', 'wide'])
@pytest.mark.parametrize('balanced', [True, False])
def test_what_is_forgotten_was_never_there(num_features, balanced, monkeypatch):
    monkeypatch.setattr(ridge, 'MOST_KEPT', 0)
    rows, labels = make_rows(200, num_features)
    names = [f'clip {number // 2}' for number in range(200)]
    wrong = np.arange(0, 40)
    statistics = RidgeStatistics(3, num_features)
    statistics.add(rows, labels, names=names)
    if num_features == 12:  # Folded: the rows are not kept, but can be given again.
        assert statistics.forget(names[:40]) < 40
        statistics = RidgeStatistics(3, num_features)
        statistics.add(rows, labels, names=names)
        statistics.add(rows[wrong], labels[wrong], -np.ones(40))
    else:
        assert statistics.forget(set(names[:40])) == 40
    relabelled = (labels[wrong] + 1) % 3
    statistics.add(rows[wrong], relabelled, names=names[:40])
    expected = RidgeStatistics(3, num_features)
    expected.add(rows, np.concatenate([relabelled, labels[40:]]))
    for found, wanted in zip(
        statistics.solve(STRENGTH, balanced), expected.solve(STRENGTH, balanced), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_a_class_that_is_forgotten_is_absent():
    rows, labels = make_rows()
    statistics = RidgeStatistics(3, 12)
    names = [f'of {label}' for label in labels]
    statistics.add(rows, labels, 0.1 * np.ones(len(labels)), names)
    statistics.forget({'of 2'})
    two = RidgeStatistics(3, 12)
    two.add(rows[labels < 2], labels[labels < 2], 0.1 * np.ones((labels < 2).sum()))
    np.testing.assert_allclose(statistics.solve(STRENGTH)[0], two.solve(STRENGTH)[0], atol=1e-9)


def test_a_weight_counts_as_often_as_it_says():
    rows, labels = make_rows()
    weights = np.random.default_rng(2).integers(1, 4, len(labels))
    repeated = np.repeat(np.arange(len(labels)), weights)
    expected = solve(rows[repeated], labels[repeated])
    found = solve(rows, labels, weights=weights.astype(float))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-10)


def test_new_classes_can_be_added():
    rows, labels = make_rows()
    known = labels < 2
    statistics = RidgeStatistics(2, 12)
    statistics.add(rows[known], labels[known])
    statistics.grow(3)
    statistics.add(rows[~known], labels[~known])
    np.testing.assert_allclose(statistics.solve(STRENGTH)[0], solve(rows, labels)[0], atol=1e-9)
    with pytest.raises(ValueError, match='3 classes already'):
        statistics.grow(2)


def test_a_constant_feature_is_of_no_use():
    rows, labels = make_rows()
    rows[:, 3] = 7.0
    weight, bias = solve(rows, labels)
    assert np.all(weight[:, 3] == 0)
    assert np.isfinite(bias).all()


def test_what_does_not_fit_is_refused():
    statistics = RidgeStatistics(2, 3)
    with pytest.raises(ValueError, match='nothing to fit'):
        statistics.solve(1.0)
    with pytest.raises(ValueError, match=r'0\.\.1'):
        statistics.add(np.zeros((1, 3)), [2])
    with pytest.raises(ValueError, match='3 features'):
        statistics.add(np.zeros((1, 4)), [0])
