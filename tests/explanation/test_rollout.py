"""Rollout and class relevance against products of dense matrices."""

import pytest
import torch

from mmaction_timesformer.explanation import (
    AttentionRecorder,
    attention_pieces,
    attention_rollout,
    class_relevance,
    dense_attention,
    frame_importance,
)
from tests.explanation.models import SCHEMES, random_clips, tiny_backbone


def record(scheme, **options):
    backbone = tiny_backbone(scheme, **options)
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips()).square().sum().backward()
    return recorder.recordings[0]


def dense_gradient_times_attention(step):
    """(B, C + N, C + N): positive part of attention times gradient, mean over heads."""
    batch_size, num_tokens = step.tokens.shape[:2]
    total = torch.zeros(batch_size * num_tokens, batch_size * num_tokens)
    for piece in attention_pieces(step, with_gradients=True):
        assert piece.gradients is not None
        values = (piece.weights * piece.gradients).clamp(min=0).mean(dim=1)
        for queries, keys, block in zip(piece.queries, piece.keys, values, strict=True):
            for row, query in enumerate(queries):
                total[query].index_add_(0, keys, block[row])
    total = total.view(batch_size, num_tokens, batch_size, num_tokens)
    return torch.stack([total[clip, :, clip] for clip in range(batch_size)])


def compose(recording, matrices, normalise):
    """Steps as matrices, first to last; then the mean over what the output is made of."""
    identity = torch.eye(matrices[0].shape[-1])
    product = identity
    row = 0
    while row < len(matrices):
        step_matrix = identity + matrices[row]
        while row + 1 < len(matrices) and recording.steps[row + 1].shares_input:
            row += 1
            step_matrix = step_matrix + matrices[row]
        if normalise:
            step_matrix = step_matrix / step_matrix.sum(dim=-1, keepdim=True)
        product = step_matrix @ product
        row += 1
    num_cls = recording.grid.num_cls
    outputs = slice(0, num_cls) if recording.out_type == 'cls' else slice(num_cls, None)
    flat = product[..., outputs, :].mean(dim=-2)[:, num_cls:]
    grid = recording.grid
    return flat.unflatten(1, (grid.num_frames, grid.height, grid.width))


@pytest.mark.parametrize('out_type', ['cls', 'avg'])
@pytest.mark.parametrize('scheme', SCHEMES)
def test_rollout_is_the_product_of_the_steps(scheme, out_type):
    recording = record(scheme, out_type=out_type)
    matrices = [dense_attention(step).mean(dim=1) for step in recording.steps]
    expected = compose(recording, matrices, normalise=True)
    rollout = attention_rollout(recording)
    torch.testing.assert_close(rollout, expected, rtol=1e-4, atol=1e-6)
    assert (rollout > 0).all()
    assert (rollout.sum(dim=(1, 2, 3)) <= 1 + 1e-5).all()


@pytest.mark.parametrize('scheme', SCHEMES)
def test_relevance_is_the_product_of_gradient_weighted_steps(scheme):
    recording = record(scheme)
    matrices = [dense_gradient_times_attention(step) for step in recording.steps]
    expected = compose(recording, matrices, normalise=False)
    torch.testing.assert_close(class_relevance(recording), expected, rtol=1e-4, atol=1e-6)


def test_uniform_attention_by_hand():
    """One block of space only with equal keys: the output is half itself, half all five tokens."""
    backbone = tiny_backbone('space only', num_transformer_layers=1, img_size=8, num_frames=2)
    step = backbone.blocks[0].steps.space
    torch.nn.init.zeros_(step.qkv.weight[:32])
    torch.nn.init.zeros_(step.qkv.bias[:32])
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips(1, (2, 8, 8)))
    # Two frames with a class token each, averaged at the end: 1/2 of 1/2 of 1/5 for each patch.
    rollout = attention_rollout(recorder.recordings[0])
    torch.testing.assert_close(rollout, torch.full((1, 2, 2, 2), 1 / 20))
    torch.testing.assert_close(frame_importance(rollout), torch.full((1, 2), 0.5))


def test_clips_do_not_mix():
    backbone, clips = tiny_backbone('local window, global residue'), random_clips(3)
    maps = []
    for batch in (clips, clips[1:2]):
        with AttentionRecorder(backbone) as recorder:
            backbone(batch)
        maps.append(attention_rollout(recorder.recordings[0]))
    torch.testing.assert_close(maps[0][1:2], maps[1])


@pytest.mark.parametrize('scheme', SCHEMES)
def test_other_grids_than_trained(scheme):
    """Five frames of 6 x 5 patches in a model built for three of 4 x 3."""
    backbone = tiny_backbone(scheme)
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips(1, (5, 24, 20))).sum().backward()
    (recording,) = recorder.recordings
    assert attention_rollout(recording).shape == (1, 5, 6, 5)
    matrices = [dense_attention(step).mean(dim=1) for step in recording.steps]
    torch.testing.assert_close(
        attention_rollout(recording), compose(recording, matrices, normalise=True)
    )


def test_an_empty_map_has_no_important_frame():
    assert torch.equal(frame_importance(torch.zeros(1, 3, 2, 2)), torch.zeros(1, 3))
