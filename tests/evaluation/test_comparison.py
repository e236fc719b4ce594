"""Two models on the same clips."""

import numpy as np
import pandas as pd
import pytest

from mmaction_timesformer.evaluation import Predictions, compare


def model(right, order=None):
    """Two classes; clip i is of class 0 and called ``i.mp4``."""
    right = np.asarray(right, bool)
    scores = np.where(right[:, None], [0.8, 0.2], [0.3, 0.7])
    labels = np.zeros(len(right), int)
    names = pd.DataFrame({'filename': [f'{i}.mp4' for i in range(len(right))]})
    predictions = Predictions(scores, labels, ('a', 'b'), names)
    return predictions if order is None else predictions.subset(np.asarray(order))


def test_mcnemar_by_hand():
    """Only the first right on 1 clip, only the second on 6: 2 (7 + 1) / 2 ** 7."""
    first = model([1] * 4 + [1] + [0] * 6)
    second = model([1] * 4 + [0] + [1] * 6)
    comparison = compare(first, second)
    assert comparison.only_first_right == ['4.mp4']
    assert comparison.only_second_right == [f'{i}.mp4' for i in range(5, 11)]
    assert comparison.mcnemar_p == pytest.approx(2 * (7 + 1) / 2**7)
    top1 = comparison.differences['top1']
    assert (top1.first, top1.second) == (pytest.approx(5 / 11), pytest.approx(10 / 11))
    assert top1.low < top1.difference < top1.high


def test_a_model_against_itself():
    comparison = compare(model([1, 0, 1, 1]), model([1, 0, 1, 1]))
    assert comparison.mcnemar_p == 1.0
    assert comparison.differences['top1'].difference == 0
    assert comparison.only_first_right == comparison.only_second_right == []


def test_pairing_narrows_the_interval():
    """Models that err on nearly the same clips differ by less than their own intervals suggest."""
    right = np.tile([1, 1, 0], 40)
    better = right.copy()
    better[2:20:3] = 1
    difference = compare(model(right), model(better)).differences['top1']
    assert 0 < difference.low < difference.difference < difference.high < 0.12


def test_order_of_clips_does_not_matter():
    right = [1, 0, 1, 0, 1]
    shuffled = model(right, order=[3, 1, 4, 0, 2])
    assert compare(model(right), shuffled).only_first_right == []


def test_the_same_set_may_lie_in_another_folder():
    def placed(root, order):
        predictions = model([1, 0, 1], order)
        clips = predictions.clips.assign(
            filename=[f'{root}/a/{n}' for n in predictions.clips.filename]
        )
        return Predictions(predictions.scores, predictions.labels, predictions.classes, clips)

    comparison = compare(placed('/here', [0, 1, 2]), placed('/there/too', [2, 0, 1]))
    assert comparison.only_first_right == comparison.only_second_right == []


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (model([1, 0]), '3 and 2 clips'),
        (Predictions(np.eye(2)[[0, 0, 0]], np.zeros(3, int), ('a', 'c')), 'different classes'),
        (model([1, 1, 1, 1], order=[0, 1, 3]), '3.mp4'),
    ],
)
def test_models_of_other_clips_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        compare(model([1, 0, 1]), other)


def test_parts_of_one_file_are_told_apart():
    clips = pd.DataFrame({'filename': ['a.mp4', 'a.mp4'], 'start_seconds': [0.0, 2.5]})
    scores, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0])
    both = Predictions(scores, labels, ('a', 'b'), clips)
    swapped = both.subset(np.array([1, 0]))
    assert both.name(1) == 'a.mp4 from 2.5 s'
    assert compare(both, swapped).mcnemar_p == 1.0
    assert compare(both, swapped).only_first_right == []
