"""Every way to compute the same gives the same; the fastest is taken; weights are followed."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmaction_timesformer.models.layers import processor
from mmaction_timesformer.models.layers.processor import (
    FoldedLinear,
    Linear,
    SplitLinear,
    add_key,
    attend,
    attend_in_part,
)

SHAPES = [(5, 3, 8, 8), (2, 4, 50, 51), (1, 2, 3, 700)]
WAYS = ('torch', 'packed', 'float32') if processor._can_pack() else ('torch', 'float32')


def make(shape, dtype):
    groups, heads, queries, keys = shape
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(groups, count, heads, 16, generator=generator).transpose(1, 2)
        for count in (queries, keys, keys)
    )
    return q.to(dtype), k.to(dtype), v.to(dtype)


def by_definition(q, k, v):
    q, k, v = q.double(), k.double(), v.double()
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ v, scores.logsumexp(dim=-1)


@pytest.fixture(params=[True, False], ids=['products', 'fused'])
def by_products(request, monkeypatch):
    monkeypatch.setattr(processor, '_prefers_products', lambda *key: request.param)
    return request.param


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('at_once', [1, 2**21])
@torch.no_grad()
def test_bfloat16_is_attention_to_its_own_precision(shape, at_once, by_products, monkeypatch):
    """No more than thrice the error of torch's kernel; cut into pieces or not."""
    monkeypatch.setattr(processor, 'SMALL_GROUP', at_once)
    q, k, v = make(shape, torch.bfloat16)
    expected, scores = by_definition(q, k, v)
    of_torch = (F.scaled_dot_product_attention(q, k, v).double() - expected).norm()
    found, logsumexp = attend_in_part(q, k, v)
    for outputs in (attend(q, k, v), found):
        error = (outputs.double() - expected).norm()
        assert error <= 3 * of_torch
        assert error <= 0.01 * expected.norm()
    torch.testing.assert_close(logsumexp.double(), scores, rtol=0, atol=0.02)


def test_float32_and_gradients_take_the_fused_kernel(monkeypatch):
    def refuse(*arguments):
        raise AssertionError('timed without need')

    monkeypatch.setattr(processor, '_prefers_products', refuse)
    q, k, v = make(SHAPES[0], torch.float32)
    with torch.no_grad():
        assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))
    q, k, v = make(SHAPES[0], torch.bfloat16)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))


def test_few_members_in_training_are_products_with_the_same_gradients(monkeypatch):
    parts = [part.requires_grad_() for part in make((1, 6, 8, 9), torch.float32)]
    expected, _ = by_definition(*parts)
    weights = torch.randn(expected.shape)
    wanted = torch.autograd.grad((expected * weights).sum(), parts)
    monkeypatch.setattr(F, 'scaled_dot_product_attention', None)

    found = attend(*parts)

    torch.testing.assert_close(found, expected.float(), rtol=0, atol=1e-6)
    gradients = torch.autograd.grad((found * weights).sum(), parts)
    torch.testing.assert_close(gradients, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize(('dtype', 'atol'), [(torch.float64, 1e-12), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize('scale', [1, 30], ids=['mild', 'sharp'])
@torch.no_grad()
def test_a_key_added_afterwards_counts_as_the_others(dtype, atol, scale, by_products):
    q, k, v = make((3, 2, 5, 9), dtype)
    q = q * scale
    expected, _ = by_definition(q, k, v)
    attended, logsumexp = attend_in_part(q, k[:, :, 1:], v[:, :, 1:])
    found = add_key(attended, logsumexp, q, k[:, :, :1], v[:, :, :1])
    # Scores of 100 and more are rounded to halves in bfloat16: compare where that cannot matter.
    if dtype == torch.float64 or scale == 1:
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=atol)
    assert found.isfinite().all()


@pytest.mark.needs_cuda
def test_more_groups_than_a_grid_has_places(monkeypatch):
    monkeypatch.setattr(processor, '_CUDA_GRID', 2)
    q, k, v = (x.cuda() for x in make((2, 5, 4, 6), torch.float32))
    torch.testing.assert_close(attend(q, k, v).double(), by_definition(q, k, v)[0])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Linear(32, 48).to(torch.bfloat16).eval()


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    monkeypatch.setattr(processor, '_linear_way', lambda *key: request.param)
    return request.param


@torch.no_grad()
def test_every_way_is_as_near_to_the_product_as_torch(layer, way):
    for shape in ((5, 32), (2, 7, 32)):
        inputs = torch.randn(shape, dtype=torch.bfloat16)
        exact = F.linear(*(x.double() for x in (inputs, layer.weight, layer.bias)))
        of_torch = F.linear(inputs, layer.weight, layer.bias)
        found = layer(inputs)
        assert found.dtype == torch.bfloat16
        assert (found - exact).norm() <= 1.01 * (of_torch - exact).norm()
        if way == 'packed':
            assert torch.equal(found, of_torch)


@torch.no_grad()
def test_what_is_prepared_follows_the_weights(layer, way):
    inputs = torch.randn(3, 32, dtype=torch.bfloat16)
    before = layer(inputs)
    copied = copy.deepcopy(layer)
    layer.weight.mul_(2)
    after = layer(inputs)
    exact = F.linear(*(x.float() for x in (inputs, layer.weight, layer.bias)))
    torch.testing.assert_close(after.float(), exact, rtol=0.01, atol=0.01)
    assert not torch.equal(after, before)
    assert torch.equal(copied(inputs), before)
    layer.weight.data.zero_()
    assert torch.equal(layer.train().eval()(inputs), layer.bias.expand(3, -1))


def test_what_is_prepared_is_no_part_of_a_checkpoint(layer, way):
    with torch.no_grad():
        layer(torch.randn(3, 32, dtype=torch.bfloat16))
    assert list(layer.state_dict()) == ['weight', 'bias']
    assert list(dict(layer.named_buffers())) == []


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('gradients', [True, False])
def test_parts_of_a_split_layer_are_those_of_the_whole(dtype, bias, gradients, way):
    torch.manual_seed(0)
    layer = SplitLinear(32, 24, parts=3, bias=bias).to(dtype)
    inputs = torch.randn(4, 2, 32, dtype=dtype)
    with torch.set_grad_enabled(gradients):
        parts = layer(inputs, split=True)
    assert all(part.is_contiguous() for part in parts)
    torch.testing.assert_close(torch.cat(parts, dim=-1), layer(inputs))
    with torch.no_grad():
        layer.weight[8:16] = 0
    with torch.set_grad_enabled(gradients):
        middle = layer(inputs, split=True)[1]
    assert middle.eq(0 if layer.bias is None else layer.bias[8:16]).all()


def test_the_fastest_way_is_taken_if_the_gain_is_clear(monkeypatch):
    seconds = iter([])
    monkeypatch.setattr(processor, '_seconds', lambda run: next(seconds))
    monkeypatch.setattr(processor, '_can_pack', lambda: False)
    key = (torch.bfloat16, 1)
    for found, expected in (([1.0, 0.3], 'float32'), ([1.0, 0.9], 'torch')):
        seconds = iter(found)
        assert processor._linear_way.__wrapped__(*key) == expected
    key = (torch.bfloat16, 12, 8, 8, 64, 1)
    for found, expected in (([0.3, 1.0], True), ([0.9, 1.0], False)):
        seconds = iter(found)
        assert processor._prefers_products.__wrapped__(*key) == expected


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@torch.no_grad()
def test_folded_layers_equal_two(dtype):
    torch.manual_seed(0)
    first, second = nn.Linear(8, 6).to(dtype), nn.Linear(6, 5).to(dtype)
    inputs = torch.randn(4, 8, dtype=dtype)
    folded = FoldedLinear()
    torch.testing.assert_close(folded(inputs, first, second), second(first(inputs)))
    first.bias.add_(1)
    torch.testing.assert_close(folded(inputs, first, second), second(first(inputs)))
