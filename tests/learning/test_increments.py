"""Corrections in any order give what one fit of everything gives: scikit-learn's."""

import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import Corrections, name_of
from mmaction_timesformer.learning.features import FeatureReader, score_features
from mmaction_timesformer.learning.increments import Learner
from tests.tiny_run import CLASSES

STRENGTH = 0.1


def peer(yard, clips, reader):
    """Decision of scikit-learn's regression on all clips, for the clips of the exam."""
    rows = reader(clips).mean(axis=1).astype(np.float64)
    labels = np.array([clip.label for clip in clips])
    shares = 1 / np.bincount(labels, minlength=4)[labels]
    shares /= shares.sum()
    mean = shares @ rows
    deviation = np.sqrt(shares @ np.square(rows - mean))
    deviation[deviation < 1e-6] = np.inf
    # Each clip was seen twice: the penalty is that of the doubled rows.
    # Balanced weights of scikit-learn add up to the number of rows, as ours do.
    doubled = np.concatenate([rows, rows])
    model = RidgeClassifier(alpha=STRENGTH * rows.shape[1], class_weight='balanced')
    model.fit((doubled - mean) / deviation, np.tile(labels, 2))
    asked = (reader(yard.exam.clips).mean(axis=1) - mean) / deviation
    return (model.decision_function(asked) + 1) / 2


def decisions(learner, clips):
    rows = learner.features(clips).mean(axis=1).astype(np.float64)
    weight, bias = learner.head.statistics.solve(learner.head.strength)
    return rows @ weight.T + bias


@pytest.mark.parametrize('seed', [0, 1])
def test_increments_equal_one_fit(yard, seed, tmp_path):
    learner = Learner.open(yard.checkpoint, tmp_path)
    order = np.random.default_rng(seed).permutation(len(yard.new))
    clips = [yard.new.clips[place] for place in order]
    wrong = [replace(clip, label=(clip.label + 1) % 3) for clip in clips[:6]]
    for some in (wrong, clips[:10], clips[10:11], clips[11:]):
        learner.learn(Corrections.of(some, CLASSES))
    everything = [*yard.known.clips, *clips]
    np.testing.assert_allclose(
        decisions(learner, yard.exam.clips), peer(yard, everything, learner.features), atol=1e-6
    )


def test_known_clips_are_relabelled_and_forgotten(yard, tmp_path):
    """A label that was wrong in training, and a clip that should not have been there."""
    learner = Learner.open(yard.checkpoint, tmp_path)
    first, second, *others = yard.known.clips
    relabelled, forgotten = replace(first, label=2), replace(second, label=None)
    change = learner.learn(Corrections.of([relabelled, forgotten], CLASSES[:3]))
    assert (change.num_added, change.num_relabelled, change.num_forgotten) == (0, 1, 1)
    learner.learn(Corrections.of(yard.new.clips, CLASSES))
    np.testing.assert_allclose(
        decisions(learner, yard.exam.clips),
        peer(yard, [relabelled, *others, *yard.new.clips], learner.features),
        atol=1e-6,
    )


def test_a_checkpoint_in_between_loses_nothing(yard, tmp_path):
    whole, part = Learner.open(yard.checkpoint, tmp_path), Learner.open(yard.checkpoint, tmp_path)
    whole.learn(yard.new)
    half = len(yard.new) // 2
    part.learn(Corrections.of(yard.new.clips[:half], CLASSES))
    part.save(tmp_path / 'half.pth')
    again = Learner.open(tmp_path / 'half.pth', tmp_path)
    again.learn(Corrections.of(yard.new.clips[half:], CLASSES))
    for found, expected in zip(
        again.head.statistics.solve(STRENGTH), whole.head.statistics.solve(STRENGTH), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_checkpoint_is_one_as_any_other(yard, tmp_path):
    """It says its classes itself, and predicts what the features say."""
    learner = Learner.open(yard.checkpoint, tmp_path)
    change = learner.learn(yard.new)
    assert change.new_classes == ('yellow',)
    assert set(change.new_cameras) == {f'rec{number:03d}' for number in range(4, 8)}
    learner.save(tmp_path / 'model.pth')
    trained = TrainedModel.load(None, tmp_path / 'model.pth')
    assert trained.classes == CLASSES
    clip = yard.exam.clips[-1]
    scores = score_features(trained, FeatureReader(trained)([clip]))[0]
    assert trained.predict(clip.path) == pytest.approx(
        dict(zip(CLASSES, scores.tolist(), strict=True)), abs=1e-5
    )
    assert (
        Learner.open(tmp_path / 'model.pth')
        .learn(Corrections.of([replace(yard.new.clips[0], label=None)], CLASSES))
        .num_forgotten
        == 1
    )


def test_ten_corrections_take_less_than_two_seconds(yard, tmp_path):
    learner = Learner.open(yard.checkpoint, tmp_path)
    started = time.perf_counter()
    learner.learn(Corrections.of(yard.new.clips[:10], CLASSES))
    assert time.perf_counter() - started < 2.0


def test_what_is_not_known_is_said(yard, tmp_path):
    learner = Learner.open(yard.checkpoint, tmp_path)
    stranger = replace(yard.new.clips[0], label=None)
    assert learner.learn(Corrections.of([stranger], CLASSES)).unknown == (name_of(stranger),)
    with pytest.raises(ValueError, match='do not begin with'):
        learner.learn(Corrections.of(yard.new.clips[:1], CLASSES[::-1]))
