"""Maps made again from recorded tokens are those that the model used."""

import pytest
import torch
from einops import rearrange

from mmaction_timesformer.explanation import (
    AttentionRecorder,
    attention_of_token,
    attention_pieces,
    dense_attention,
)
from mmaction_timesformer.models.layers import AttentionStep
from tests.explanation.models import SCHEMES, random_clips, tiny_backbone
from tests.models.attention_schemes.dense_oracle import patch_mask

MASKS = {
    ('local window, global residue', 'local'): 'window',
    ('local window, global residue', 'global'): 'residue',
    ('local quadrant, global fixed', 'local'): 'quadrant',
    ('local quadrant, global fixed', 'global'): 'fixed',
}
SHAPE = (3, 4, 3)


def record(scheme, **options):
    backbone = tiny_backbone(scheme, **options)
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips())
    return recorder.recordings[0]


@pytest.mark.parametrize('scheme', SCHEMES)
def test_weights_and_gradients_are_those_of_the_model(scheme):
    """The oracle: an explicit kernel inside the model that keeps its softmax and its gradient."""
    backbone = tiny_backbone(scheme)
    kept = []

    def explicit(q, k, v):
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
        if weights.requires_grad:
            weights.retain_grad()
        kept.append(weights)
        return weights @ v

    for module in backbone.modules():
        if isinstance(module, AttentionStep):
            module.kernel = explicit
            module.grouping.copies_keys = False  # No recomputation: weights are kept once.
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips()).square().sum().backward()
    made_again = [
        piece
        for step in recorder.recordings[0].steps
        for piece in attention_pieces(step, with_gradients=True)
    ]
    for weights, piece in zip(kept, made_again, strict=True):
        torch.testing.assert_close(piece.weights, weights.detach(), rtol=0, atol=1e-6)
        gradients = torch.zeros_like(weights) if weights.grad is None else weights.grad
        torch.testing.assert_close(piece.gradients, gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_attention_times_values_is_the_update(scheme):
    """The model's own output, through SDPA, out of the dense maps, to 1e-5."""
    backbone = tiny_backbone(scheme)
    updates = []
    for module in backbone.modules():
        if isinstance(module, AttentionStep):
            module.register_forward_hook(lambda m, args, update: updates.append(update))
    with AttentionRecorder(backbone) as recorder, torch.no_grad():
        backbone(random_clips())
    for step, update in zip(recorder.recordings[0].steps, updates, strict=True):
        module = step.module
        values = module.qkv(module.norm(step.tokens)).chunk(3, dim=-1)[2]
        values = rearrange(values, 'b n (heads d) -> b heads n d', heads=module.num_heads)
        attended = rearrange(dense_attention(step) @ values, 'b heads n d -> b n (heads d)')
        expected = module.proj(attended)
        if module.fc is not None:
            expected = module.fc(expected)
        if not module.grouping.updates_cls:
            expected[:, : step.grid.num_cls] = 0
        torch.testing.assert_close(update, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_tokens_look_where_the_scheme_lets_them(scheme):
    recording = record(scheme)
    for step in recording.steps:
        num_cls = step.grid.num_cls
        dense = dense_attention(step)
        allowed = patch_mask(MASKS.get((scheme, step.name), step.name), SHAPE)
        assert torch.equal((dense[:, :, num_cls:, num_cls:] > 0).all(dim=(0, 1)), allowed)
        sums = dense.sum(dim=-1)
        if not step.module.grouping.updates_cls:
            assert (sums[:, :, :num_cls] == 0).all()
            sums = sums[:, :, num_cls:]
        torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize('scheme', SCHEMES)
@pytest.mark.parametrize('max_elements', [40, 1000])
def test_pieces_of_any_size_make_the_same_map(scheme, max_elements):
    for step in record(scheme).steps:
        pieces = list(attention_pieces(step, max_elements=max_elements))
        assert all(p.weights.numel() <= max_elements or len(p.queries) == 1 for p in pieces)
        torch.testing.assert_close(dense_attention(step, max_elements), dense_attention(step))


@pytest.mark.parametrize('scheme', SCHEMES)
def test_a_token_s_row_is_that_of_the_dense_map(scheme):
    for step in record(scheme).steps:
        dense = dense_attention(step)
        for token in (0, dense.shape[-1] - 1):
            torch.testing.assert_close(attention_of_token(step, token), dense[:, :, token])


def test_gradients_need_a_backward_pass():
    with pytest.raises(ValueError, match='time step of block 0: call backward'):
        next(attention_pieces(record('divided').steps[0], with_gradients=True))
