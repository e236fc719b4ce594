"""Small models from kept pictures: what they see, what they learn, what they cost."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.recipes.pixels import (
    PixelOptions,
    _share,
    _view,
    cost_of,
    pixels,
    work_of,
)
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row

FAST = dict(motion=False, epochs=12, frames=2, learning_rate=5e-3)


def make_task(number=48, seed=0, **options) -> Task:
    """The class is whether the picture is light or dark, in kept frames of 32 x 32."""
    generator = np.random.default_rng(1)
    labels = np.arange(number) % 2
    groups = np.array(['a', 'b', 'c'])[np.arange(number) // 2 % 3]
    clips = StudyClips(tuple(map(str, range(number))), labels, groups, ('dark', 'light'))
    frames = (
        generator.integers(0, 100, size=(number, 4, 32, 32, 3))
        + 120 * labels[:, None, None, None, None]
    )
    fold = Fold('c', np.flatnonzero(groups != 'c'), np.flatnonzero(groups == 'c'))
    row = Row('row', 'pixels', features='pixels', options={**FAST, **options})
    return Task(row, clips, fold, ({'pixels': frames.astype(np.uint8)},), seed)


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(scheme='joint_space_time', pos_embed='none'),
        dict(scheme='i3d', frames=4, epochs=5),
        dict(clips=2, fraction=0.5),
    ],
)
def test_what_is_easy_is_learned(options):
    task = make_task(**options)
    scores = pixels(task)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == task.clips.labels[task.fold.test]).mean() > 0.9


def test_a_seed_gives_the_same_and_another_one_something_else():
    first = pixels(make_task(epochs=1))
    np.testing.assert_array_equal(pixels(make_task(epochs=1)), first)
    assert np.abs(pixels(make_task(epochs=1, seed=1)) - first).max() > 1e-4


def test_the_frames_that_are_seen():
    kept = np.arange(16, dtype=np.uint8)[None, :, None, None, None] * np.ones(
        (1, 1, 16, 16, 3), np.uint8
    )

    def seen(**options):
        clips = _view(kept, PixelOptions(motion=False, **options), 0)
        return (clips[0, 0, :, 0, 0] * 57.375 + 114.75).round().int().tolist()

    assert seen(frames=4) == [2, 6, 10, 14]
    assert seen(frames=4, span=0.5) == [9, 11, 13, 15]
    assert seen(frames=16) == list(range(16))
    assert sorted(seen(frames=8, shuffled=True)) == seen(frames=8)
    assert seen(frames=8, shuffled=True) != seen(frames=8)
    two = [
        _view(kept, PixelOptions(motion=False, frames=4, clips=2), n)[0, 0, :, 0, 0] for n in (0, 1)
    ]
    assert (two[0] < two[1]).all()


def test_a_share_has_every_class():
    task = make_task()
    chosen = _share(task, 0.25)
    assert set(chosen) <= set(task.fold.train)
    assert np.bincount(task.clips.labels[chosen]).tolist() == [4, 4]


def test_cost_by_hand():
    """A linear layer of an I3D-like pooling is not worth counting; the patch embedding is."""
    cost = cost_of(make_task(frames=2))
    model = cost_of(make_task(frames=4))
    assert model['parameters'] - cost['parameters'] == pytest.approx(2 * 48 / 1e6)
    assert model['multiplications'] > 1.7 * cost['multiplications']


def test_rows_that_differ_in_the_test_share_a_model_and_others_do_not():
    day = make_task(epochs=1)
    pixels(day)
    other = [
        replace(make_task(epochs=1, **options), trained=day.trained)
        for options in (dict(condition='rain'), dict(shuffled=True), dict(clips=2))
    ]
    together = [pixels(task) for task in other]
    assert len(day.trained) == 1
    for task, scores in zip(other, together, strict=True):
        np.testing.assert_array_equal(pixels(replace(task, trained={})), scores)
    assert work_of(other[0].row, [day.row]) < 0.1
    pixels(replace(make_task(epochs=2), trained=day.trained))
    assert len(day.trained) == 2
    assert work_of(make_task(epochs=30, frames=8).row, [day.row]) == 2


def test_night_is_in_the_test_alone():
    torch.manual_seed(0)
    day = make_task()
    night = replace(make_task(condition='night'), trained=day.trained)
    light = day.clips.labels[day.fold.test] == 1
    assert pixels(day)[light, 1].mean() > pixels(night)[light, 1].mean()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(colour=1), 'pos_embed'),
        (dict(condition='fog'), 'night'),
        (dict(masked=0.5, motion=True), 'motion: false'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        pixels(make_task(**options))
