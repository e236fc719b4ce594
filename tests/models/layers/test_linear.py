import copy

import pytest
import torch
from torch import nn

from mmaction_timesformer.models.layers.linear import FoldedLinear, Linear


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Linear(32, 48).to(torch.bfloat16).eval()


@torch.no_grad()
def test_packed_weights_give_the_same_to_the_bit(layer):
    for shape in ((5, 32), (2, 7, 32)):
        inputs = torch.randn(shape, dtype=torch.bfloat16)
        expected = nn.functional.linear(inputs, layer.weight, layer.bias)
        assert torch.equal(layer(inputs), expected)


@torch.no_grad()
def test_packed_weights_follow_the_weights(layer):
    inputs = torch.randn(3, 32, dtype=torch.bfloat16)
    before = layer(inputs)
    copied = copy.deepcopy(layer)
    layer.weight.mul_(2)
    after = layer(inputs)
    assert torch.equal(after, nn.functional.linear(inputs, layer.weight, layer.bias))
    assert not torch.equal(after, before)
    assert torch.equal(copied(inputs), before)
    layer.weight.data.zero_()
    assert torch.equal(layer.train().eval()(inputs), layer.bias.expand(3, -1))


def test_what_is_prepared_is_no_part_of_a_checkpoint(layer):
    with torch.no_grad():
        layer(torch.randn(3, 32, dtype=torch.bfloat16))
    assert list(layer.state_dict()) == ['weight', 'bias']
    assert list(dict(layer.named_buffers())) == []


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@torch.no_grad()
def test_folded_layers_equal_two(dtype):
    torch.manual_seed(0)
    first, second = Linear(8, 6).to(dtype), Linear(6, 5).to(dtype)
    inputs = torch.randn(4, 8, dtype=dtype)
    folded = FoldedLinear()
    torch.testing.assert_close(folded(inputs, first, second), second(first(inputs)))
    first.bias.add_(1)
    torch.testing.assert_close(folded(inputs, first, second), second(first(inputs)))
