"""Variations of the rows of ridge and logistic regression, each against its own rule."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from mmaction_timesformer.engine.loops.choosing import Rows, fit_rows
from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.recipes.closed_form import (
    _agreement_rows,
    _joined,
    _weighted,
    logistic,
    ridge,
    soft_rows,
)
from mmaction_timesformer.studies.recipes.patches import patches
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row

STAGE = 3


def make_task(number=60, **row) -> Task:
    """Two classes in the maxima of the cells; their means tell the camera, and lie."""
    rng = np.random.default_rng(0)
    labels = np.arange(number) % 2
    groups = np.array(['a', 'b', 'c'])[np.arange(number) // 2 % 3]
    clips = StudyClips(tuple(map(str, range(number))), labels, groups, ('x', 'y'))
    views = []
    for _ in range(2):
        frames = rng.normal(size=(number, 4, 3, 5))
        frames[:, :, 1] += 1.5 * labels[:, None, None]
        frames[:, :, 0] += 6 * np.where(groups == 'b', 1 - labels, labels)[:, None, None]
        views.append({f'frames{STAGE}': frames.reshape(number, 4, 15).astype(np.float32)})
    fold = Fold('c', np.flatnonzero(groups != 'c'), np.flatnonzero(groups == 'c'))
    chosen = Row('row', **{'recipe': 'ridge', 'stage': STAGE, 'views': 2, **row})
    return Task(chosen, clips, fold, tuple(views[: chosen.views]))


def accuracy(task: Task, scores: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == task.clips.labels[task.fold.test]).mean())


def test_soft_labels_are_ridge_on_soft_targets():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 6))
    weights = rng.dirichlet(np.ones(3), size=30)
    fit = fit_rows(soft_rows(features, weights), 3, 0.2, balanced=False)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    expected = Ridge(alpha=0.2 * 6).fit(scaled, weights).predict(scaled)
    np.testing.assert_allclose(fit.logits(features), expected, atol=1e-8)


def test_cameras_of_a_class_weigh_as_asked():
    rows = Rows(np.zeros((6, 1)), np.zeros(6, int), np.array([0, 0, 0, 0, 1, 1]), np.ones(6))
    for power, share in ((1.0, 4 / 6), (0.5, 2 / (2 + 2**0.5)), (0.0, 0.5)):
        weights = _weighted(rows, power).weights
        assert weights[:4].sum() / weights.sum() == pytest.approx(share)


def test_views_that_agree_have_nearer_answers():
    task = make_task()
    rows = task.training_rows()
    apart = []
    for weight in (0.0, 1.0, 10.0):
        both = _joined(rows, _agreement_rows(task, rows, weight)) if weight else rows
        fit = fit_rows(both, 2, 0.1, balanced=False)
        first, second = (fit.logits(task.features(view)[task.fold.train]) for view in range(2))
        apart.append(np.square(first - second).mean() / np.square(first - first.mean(0)).mean())
    assert apart[2] < apart[1] < apart[0]


def test_candidates_are_judged_on_cameras_left_out():
    """Means fit the training cameras best, and fail where one of them is left out."""
    candidates = (dict(over_space=['mean']), dict(over_space=['max']))
    choosing = make_task(options=dict(candidates=candidates))
    of_maxima = make_task(over_space=('max',))
    np.testing.assert_array_equal(ridge(choosing), ridge(of_maxima))
    assert accuracy(of_maxima, ridge(of_maxima)) > 0.9


def test_answers_of_several_test_views_are_averaged():
    task = make_task(over_space=('max',))
    both = ridge(replace(task, row=replace(task.row, options=dict(test_views=2))))
    turned = replace(task, arrays=task.arrays[::-1])
    logs = [np.log(ridge(one)) for one in (task, turned)]
    margins = [log[:, 1] - log[:, 0] for log in (*logs, np.log(both))]
    np.testing.assert_allclose((margins[0] + margins[1]) / 2, margins[2], atol=1e-6)


def test_pseudo_labels_look_at_the_new_clips_alone():
    """Their true labels change nothing; other clips among them do."""
    task = make_task(over_space=('max',), options=dict(pseudo_labels=1.0))
    scores = ridge(task)
    assert accuracy(task, scores) > 0.9
    turned = task.clips.labels.copy()
    turned[task.fold.test] = 1 - turned[task.fold.test]
    lied_to = replace(task, clips=replace(task.clips, labels=turned))
    np.testing.assert_array_equal(ridge(lied_to), scores)
    fewer = replace(task, fold=replace(task.fold, test=task.fold.test[:5]))
    assert not np.allclose(ridge(fewer), scores[:5])


@pytest.mark.parametrize('recipe', [ridge, logistic])
def test_the_names_of_options_are_checked(recipe):
    with pytest.raises(ValueError, match='pseudo_labels'):
        recipe(make_task(options=dict(pseudo=1.0)))
    with pytest.raises(ValueError, match='more than views=1'):
        recipe(make_task(views=1, options=dict(agreement=1.0)))


def test_patches_tell_textures_of_cameras_not_seen():
    """Stripes against noise, each camera in its own light."""
    rng = np.random.default_rng(0)
    labels, groups = np.arange(24) % 2, np.array(['a', 'b', 'c'])[np.arange(24) // 2 % 3]
    clips = StudyClips(tuple(map(str, range(24))), labels, groups, ('noise', 'stripes'))
    frames = rng.uniform(0, 100, size=(24, 2, 24, 24, 3))
    frames[labels == 1] = 50 + 50 * np.sign(np.sin(np.arange(24)))[:, None, None]
    frames += 40 * (groups == 'c')[:, None, None, None, None]
    row = Row('row', 'patches', features='pixels', options=dict(entries=8))
    fold = Fold('c', np.flatnonzero(groups != 'c'), np.flatnonzero(groups == 'c'))
    task = Task(row, clips, fold, ({'pixels': frames.astype(np.uint8)},))
    assert accuracy(task, patches(task)) == 1.0
