import pytest
import torch
from torch.nn import functional as F

from mmaction_timesformer.models.layers import kernel
from mmaction_timesformer.models.layers.kernel import attend

SHAPES = [(5, 3, 8, 8), (2, 4, 50, 51), (1, 2, 3, 700)]


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
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('at_once', [1, 2**21])
@torch.no_grad()
def test_bfloat16_is_attention_to_its_own_precision(shape, at_once, monkeypatch):
    """No more than thrice the error of torch's kernel; cut into pieces or not."""
    monkeypatch.setattr(kernel, '_SCORES_AT_ONCE', max(at_once, shape[1] * shape[2] * shape[3]))
    q, k, v = make(shape, torch.bfloat16)
    expected = by_definition(q, k, v)
    error = (attend(q, k, v).double() - expected).norm()
    of_torch = (F.scaled_dot_product_attention(q, k, v).double() - expected).norm()
    assert error <= 3 * of_torch
    assert error <= 0.01 * expected.norm()


def test_float32_and_gradients_take_the_fused_kernel():
    q, k, v = make(SHAPES[0], torch.float32)
    with torch.no_grad():
        assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))
    q, k, v = make(SHAPES[0], torch.bfloat16)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))
