"""Rows trained by gradient descent: averages of trainings and sharpness-aware steps."""

import numpy as np
import pytest

from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.recipes.networks import timesformer, work_of
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row

SMALL = dict(embed_dims=12, num_heads=1, grid=2, num_transformer_layers=1, batch_size=8)


def predict(**options) -> np.ndarray:
    labels, groups = np.arange(24) % 2, np.array(['a', 'b', 'c'])[np.arange(24) // 2 % 3]
    clips = StudyClips(tuple(map(str, range(24))), labels, groups, ('x', 'y'))
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(24, 2, 2, 2, 3)).astype(np.float16)
    maps[..., 0] += 2 * labels[:, None, None, None]
    row = Row('row', 'timesformer', stage=3, options={**SMALL, **options})
    fold = Fold('c', np.flatnonzero(groups != 'c'), np.flatnonzero(groups == 'c'))
    return timesformer(Task(row, clips, fold, ({'maps3': maps},)))


def test_trainings_that_end_where_they_start_average_to_that_start():
    """They all begin as one model; where they learn, the order of their clips differs."""
    still = dict(epochs=1, learning_rate=0.0)
    np.testing.assert_allclose(predict(**still, trainings=3), predict(**still), atol=1e-6)
    moving = dict(epochs=3, learning_rate=0.01)
    assert np.abs(predict(**moving, trainings=3) - predict(**moving)).max() > 1e-4


def test_a_small_radius_changes_little_and_a_large_one_more():
    base = predict(epochs=2, learning_rate=0.002)
    changes = [
        np.abs(predict(epochs=2, learning_rate=0.002, radius=radius) - base).max()
        for radius in (1e-6, 0.5)
    ]
    assert changes[0] < 1e-3 < changes[1]


def test_work_counts_passes():
    rows = [dict(), dict(radius=0.05), dict(trainings=3), dict(radius=0.05, trainings=3)]
    assert [work_of(Row('r', 'timesformer', options=row)) for row in rows] == [1, 2, 3, 6]


def test_the_names_of_options_are_checked():
    with pytest.raises(ValueError, match='trainings'):
        predict(training=2)
