"""Figures against a hand-computed example and against scikit-learn on random predictions."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_calibration_error,
)

from mmaction_timesformer.evaluation import (
    Predictions,
    classification_metrics,
)
from mmaction_timesformer.evaluation.weighted_metrics import CLASS_MEANS, weighted_metrics

NAMES = ('a', 'b', 'c')


def random_predictions(seed=0, num_clips=60, num_classes=4, multi_label=False, ties=False):
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet(np.ones(num_classes), num_clips)
    if multi_label:
        scores = generator.random((num_clips, num_classes))
        labels = generator.random((num_clips, num_classes)) < 0.3
    else:
        labels = generator.integers(num_classes, size=num_clips)
    if ties:
        scores = scores.round(1)
    return Predictions(scores, labels, tuple(map(str, range(num_classes))))


def test_example_by_hand():
    """Two of a (one missed), one of b (right), one of c (taken for b)."""
    scores = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.5, 0.4]])
    figures = classification_metrics(Predictions(scores, np.array([0, 0, 1, 2]), NAMES))
    assert figures.confusion == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert figures.support == {'a': 2, 'b': 1, 'c': 1}
    value = {name: estimate.value for name, estimate in figures.whole.items()}
    assert value['top1'] == 0.5
    assert value['mean_class_accuracy'] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert value['macro_precision'] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert value['macro_f1'] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # Ranked by the score of a: 0.8 true, 0.3 true. Of b: 0.7 true first. Of c: 0.4 true first.
    assert value['mean_average_precision'] == 1.0
    assert value['macro_roc_auc'] == 1.0
    assert value['log_loss'] == pytest.approx(-np.log([0.8, 0.3, 0.7, 0.4]).mean())
    # Each confidence has a bin of its own: 0.8 right, 0.6 wrong, 0.7 right, 0.5 wrong.
    assert value['calibration_error'] == pytest.approx((0.2 + 0.6 + 0.3 + 0.5) / 4)
    assert 'top5' not in value


def test_average_precision_by_hand():
    """True clips stand at ranks 1 and 3: (1/1 + 2/3) / 2; one of the two others is below both."""
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    figures = classification_metrics(Predictions(scores, np.array([0, 1, 0, 1]), NAMES[:2]))
    assert figures.per_class['a']['average_precision'].value == pytest.approx((1 + 2 / 3) / 2)
    assert figures.per_class['a']['roc_auc'].value == pytest.approx(3 / 4)


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('multi_label', [False, True])
def test_weighted_figures_are_scikit_learns(multi_label, ties):
    predictions = random_predictions(multi_label=multi_label, ties=ties)
    weights = np.random.default_rng(1).integers(0, 4, size=(3, len(predictions))).astype(float)
    ours = weighted_metrics(predictions, weights)
    for row, weight in enumerate(weights):
        given = dict(sample_weight=weight)
        truth, scores = predictions.truth, predictions.scores
        theirs = dict(
            zip(
                ('precision', 'recall', 'f1'),
                metrics.precision_recall_fscore_support(
                    truth, predictions.decided, average=None, zero_division=0, **given
                )[:3],
                strict=True,
            )
        )
        theirs['average_precision'] = metrics.average_precision_score(
            truth, scores, average=None, **given
        )
        theirs['roc_auc'] = metrics.roc_auc_score(truth, scores, average=None, **given)
        for name, expected in theirs.items():
            np.testing.assert_allclose(ours[name][row], expected, err_msg=name)
            np.testing.assert_allclose(ours[CLASS_MEANS[name]][row], np.mean(expected))
        if not multi_label:
            top1 = metrics.accuracy_score(predictions.labels, predictions.top_class, **given)
            balanced = metrics.balanced_accuracy_score(
                predictions.labels, predictions.top_class, **given
            )
            np.testing.assert_allclose(ours['top1'][row], top1)
            np.testing.assert_allclose(ours['mean_class_accuracy'][row], balanced)
    if not (multi_label or ties):
        loss = metrics.log_loss(predictions.labels, predictions.scores, sample_weight=weights[0])
        np.testing.assert_allclose(ours['log_loss'][0], loss)


@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('num_classes', [2, 4, 7])
def test_intervals_lie_around_every_metric(multi_label, num_classes):
    predictions = random_predictions(2, num_classes=num_classes, multi_label=multi_label)
    figures = classification_metrics(predictions, num_resamples=300)
    for name, estimate in figures.whole.items():
        assert estimate.low <= estimate.value <= estimate.high, name
        assert estimate.low < estimate.high, name
    assert ('top5' in figures.whole) == (num_classes > 5)
    assert ('exact_match' in figures.whole) == multi_label
    json.dumps(figures.to_dict())


def test_the_calibration_error_is_torchmetrics():
    predictions = random_predictions(5)
    error = classification_metrics(predictions, 0).whole['calibration_error'].value
    given = torch.from_numpy(predictions.scores), torch.from_numpy(predictions.labels)
    assert error == pytest.approx(float(multiclass_calibration_error(*given, 4, n_bins=15)))
    predictions = random_predictions(5, multi_label=True)
    error = classification_metrics(predictions, 0).whole['calibration_error'].value
    scores, truth = (torch.from_numpy(of.ravel()) for of in (predictions.scores, predictions.truth))
    assert error == pytest.approx(float(binary_calibration_error(scores, truth.int(), n_bins=15)))


@pytest.mark.parametrize('multi_label', [False, True])
def test_a_weight_of_two_counts_a_clip_twice(multi_label):
    """And one of none leaves it out, also where scikit-learn takes no weights."""
    predictions = random_predictions(3, multi_label=multi_label)
    times = np.random.default_rng(1).integers(0, 3, size=len(predictions))
    repeated = predictions.subset(np.repeat(np.arange(len(predictions)), times))
    weighted = weighted_metrics(predictions, times[None].astype(float))
    once = weighted_metrics(repeated, np.ones((1, len(repeated))))
    assert weighted['calibration_error'][0] == pytest.approx(once['calibration_error'][0])
    if multi_label:
        exact = metrics.accuracy_score(repeated.truth, repeated.decided)
        assert weighted['exact_match'][0] == pytest.approx(exact)


def test_top5_is_scikit_learns():
    predictions = random_predictions(num_classes=9)
    expected = metrics.top_k_accuracy_score(predictions.labels, predictions.scores, k=5)
    assert classification_metrics(predictions, 0).whole['top5'].value == pytest.approx(expected)


def test_multi_label_log_loss_is_the_mean_over_yes_and_no():
    scores = np.array([[0.9, 0.2], [0.4, 0.5]])
    labels = np.array([[True, False], [True, True]])
    figures = classification_metrics(Predictions(scores, labels, NAMES[:2]), 0)
    assert figures.whole['log_loss'].value == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5]).mean())
    assert figures.whole['exact_match'].value == 0.5
    assert figures.confusion == []


def test_a_class_without_clips_counts_nowhere():
    """As in scikit-learn's balanced accuracy, unlike mmaction2, which takes its recall for 0."""
    scores = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]])
    figures = classification_metrics(Predictions(scores, np.array([0, 1]), NAMES), 100)
    assert figures.whole['mean_class_accuracy'].value == 1.0
    assert np.isnan(figures.per_class['c']['recall'].value)
    assert np.isnan(figures.per_class['c']['average_precision'].low)


def test_recordings_widen_the_interval():
    """Ten clips of each of eight recordings, all right or all wrong: eight facts, not eighty."""
    right = np.repeat([1, 1, 1, 1, 1, 0, 0, 1], 10)
    scores = np.stack((0.2 + 0.6 * right, 0.8 - 0.6 * right), axis=1)
    labels = np.zeros(80, int)
    recordings = pd.DataFrame({'recording': [f'rec{row // 10}' for row in range(80)]})
    by_clip = classification_metrics(Predictions(scores, labels, NAMES[:2]))
    by_recording = classification_metrics(Predictions(scores, labels, NAMES[:2], recordings))
    assert (by_clip.resampled, by_clip.num_groups) == ('clips', 80)
    assert (by_recording.resampled, by_recording.num_groups) == ('recordings', 8)
    widths = [f.whole['top1'].high - f.whole['top1'].low for f in (by_clip, by_recording)]
    assert widths[1] > 2 * widths[0]


def test_a_precision_is_as_sure_as_the_recordings_where_the_class_is_chosen():
    """Of eight recordings with class a, two have one clip that is taken for it."""
    right = np.isin(np.arange(16), [0, 4])
    scores = np.stack((0.2 + 0.6 * right, 0.8 - 0.6 * right), axis=1)
    recordings = pd.DataFrame({'recording': [f'rec{row // 2}' for row in range(16)]})
    predictions = Predictions(scores, np.zeros(16, int), NAMES[:2], recordings)
    precision = classification_metrics(predictions, 200).per_class['a']['precision']
    assert (precision.value, precision.high) == (1.0, 1.0)
    assert precision.low == pytest.approx(0.025 ** (1 / 2))
