"""Sharpness-aware minimisation by hand, on a bowl that is steeper in one direction."""

import math

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmaction_timesformer.engine.optimizers import SharpnessAwareOptimWrapper
from mmaction_timesformer.engine.optimizers.sharpness import uphill
from mmaction_timesformer.registry import OPTIM_WRAPPERS


class Bowl(BaseModel):
    """(x^2 + 3 y^2) / 2, times the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(1.0))
        self.y = nn.Parameter(torch.tensor(2.0))
        self.unused = nn.Parameter(torch.tensor(5.0))
        self.passes: list[tuple[float, float]] = []

    def forward(self, inputs: torch.Tensor, data_samples=None, mode: str = 'tensor'):
        self.passes.append((self.x.item(), self.y.item()))
        return {'loss': inputs * (self.x**2 + 3 * self.y**2) / 2}


def wrapper(model: nn.Module, **values) -> SharpnessAwareOptimWrapper:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = OPTIM_WRAPPERS.build(
        dict(type='SharpnessAwareOptimWrapper', optimizer=optimizer, **values)
    )
    assert isinstance(found, SharpnessAwareOptimWrapper)
    return found


@pytest.mark.parametrize('scale', [1.0, 7.0])
def test_a_step_by_hand(scale):
    model = Bowl()
    batch = dict(inputs=torch.tensor(scale), data_samples=None)
    logged = model.train_step(batch, wrapper(model, radius=0.5))
    # The gradient is (1, 6), whatever the loss is scaled by after normalising it.
    length = math.hypot(1, 6)
    far = (1 + 0.5 * 1 / length, 2 + 0.5 * 6 / length)
    assert model.passes == [(1.0, 2.0), pytest.approx(far)]
    assert model.x.item() == pytest.approx(1 - 0.1 * scale * far[0])
    assert model.y.item() == pytest.approx(2 - 0.1 * scale * 3 * far[1])
    assert model.unused.item() == 5
    assert model.x.grad is None
    assert logged['loss'].item() == pytest.approx(6.5 * scale)  # Of the first pass.


def test_a_valley_floor_is_left_as_it_is():
    model = Bowl()
    nn.init.zeros_(model.x)
    nn.init.zeros_(model.y)
    model.train_step(dict(inputs=torch.tensor(1.0)), wrapper(model))
    assert (model.x.item(), model.y.item()) == (0, 0)


def test_parameters_come_back_after_an_error():
    parameter = nn.Parameter(torch.tensor([3.0, 4.0]))
    parameter.grad = torch.tensor([3.0, 4.0])

    def fail() -> None:
        with uphill([parameter], 5.0):
            assert parameter.tolist() == pytest.approx([6, 8])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert parameter.tolist() == [3, 4]


def test_arguments_are_checked():
    with pytest.raises(ValueError, match='radius=0 must be above 0'):
        wrapper(Bowl(), radius=0)
    with pytest.raises(ValueError, match='accumulative_counts=2'):
        wrapper(Bowl(), accumulative_counts=2)
    with pytest.raises(RuntimeError, match='forward pass'):
        wrapper(Bowl()).update_params(torch.tensor(1.0, requires_grad=True))
