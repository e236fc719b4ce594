"""A schedule of shapes over a training."""

from types import SimpleNamespace

import pytest
import torch

from mmaction_timesformer.engine.hooks import VaryingShapesHook


def test_shapes_follow_the_share_of_steps() -> None:
    hook = VaryingShapesHook([(0.25, 4, 0.5), (0.5, 2, 1), (1, 1, 1)])
    runner = SimpleNamespace(model=SimpleNamespace(train_shape=None), iter=0, max_iters=8)
    shapes = []
    for runner.iter in range(8):
        hook.before_train_iter(runner, 0)
        shapes.append(runner.model.train_shape)
    assert shapes == [(4, 0.5)] * 2 + [(2, 1.0)] * 2 + [(1, 1.0)] * 4


def test_wrong_schedules_and_models_are_refused() -> None:
    for shapes in ([], [(0.5, 2, 1)], [(0.5, 2, 1), (0.5, 1, 1), (1, 1, 1)], [(1, 2, 1)]):
        with pytest.raises(ValueError, match='rising ends'):
            VaryingShapesHook(shapes)
    with pytest.raises(ValueError, match="needs a model of type 'RatesRecognizer', not Linear"):
        VaryingShapesHook().before_train(SimpleNamespace(model=torch.nn.Linear(1, 1)))
