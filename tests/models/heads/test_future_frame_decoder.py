"""Hidden patches: which they are, that nothing of them is seen, and that they can be predicted."""

from __future__ import annotations

import pytest
import torch

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.heads.future_frame_decoder import (
    FutureFrameDecoder,
    grid_encoding,
    last_frames_mask,
    tube_mask,
)

GRID = (4, 2, 3)


def build() -> tuple[TimeSformerBackbone, FutureFrameDecoder]:
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(
        img_size=(16, 24), patch_size=8, embed_dims=16, num_heads=2, num_transformer_layers=2,
        attention_type=dict(type='causal_divided_space_time', window=4, frame_seconds=1.0),
        drop_path_rate=0.0, out_type='tokens',
    )  # fmt: skip
    decoder = FutureFrameDecoder(16, (8, 8), embed_dims=24, num_heads=2, num_layers=1)
    return backbone, decoder


def test_tubes_hide_the_same_places_in_every_frame():
    mask = tube_mask((5, 3, 4), 0.75, torch.Generator().manual_seed(0))
    assert mask[0].sum() == 9
    assert all(torch.equal(frame, mask[0]) for frame in mask)
    other = tube_mask((5, 3, 4), 0.75, torch.Generator().manual_seed(1))
    assert not torch.equal(mask, other)


def test_last_frames_are_the_last():
    assert last_frames_mask(GRID, 1).flatten(1).all(dim=1).tolist() == [False] * 3 + [True]
    assert last_frames_mask(GRID, 3).flatten(1).any(dim=1).tolist() == [False] + [True] * 3


@torch.inference_mode()
@pytest.mark.parametrize('pattern', ['tubes', 'last frames'])
def test_predictions_do_not_depend_on_what_is_hidden(pattern):
    backbone, decoder = build()
    mask = last_frames_mask(GRID, 2) if pattern == 'last frames' else tube_mask(GRID, 0.5)
    clips = torch.randn(2, 3, 4, 16, 24)
    changed = clips + 5.0 * (clips - decoder.hide(clips, mask))
    before, after = (decoder(backbone(decoder.hide(some, mask)), mask) for some in (clips, changed))
    assert torch.equal(before, after)
    assert (changed - clips).abs().max() > 1
    assert before.shape == (2, int(mask.sum()), 8 * 8 * 3)


def test_targets_are_hidden_patches_each_normalised():
    _, decoder = build()
    clips = torch.randn(1, 3, 4, 16, 24)
    mask = torch.zeros(GRID, dtype=torch.bool)
    mask[1, 0, 2] = mask[3, 1, 0] = True
    first, second = decoder.targets(clips, mask)[0]
    patch = clips[0, :, 1, :8, 16:24].permute(1, 2, 0).flatten()
    torch.testing.assert_close(first, (patch - patch.mean()) / (patch.std() + 1e-3))
    patch = clips[0, :, 3, 8:, :8].permute(1, 2, 0).flatten()
    torch.testing.assert_close(second, (patch - patch.mean()) / (patch.std() + 1e-3))


def test_learns_what_comes_next_and_is_surprised_by_what_does_not():
    """A bar that wanders by a pixel a frame; a clip whose last frame jumps surprises more."""

    def make_clips(num: int, jump: int = 0) -> torch.Tensor:
        column = torch.arange(24)
        start = torch.randint(0, 24, (num,))
        clips = torch.zeros(num, 3, 4, 16, 24)
        for frame in range(4):
            place = start + 3 * frame + jump * (frame == 3)
            bar = ((column - place[:, None]) % 24 < 4).float()
            clips[:, :, frame] = bar[:, None, None, :]
        return clips

    backbone, decoder = build()
    mask = last_frames_mask(GRID, 1)
    parameters = [*backbone.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=5e-3)
    losses = []
    for _ in range(180):
        clips = make_clips(24)
        tokens = backbone(decoder.hide(clips, mask))
        loss = decoder.loss(tokens, clips, mask)['loss_hidden']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    with torch.inference_mode():
        usual, unusual = (
            decoder.surprise(backbone(decoder.hide(clips, mask)), clips, mask).mean()
            for clips in (make_clips(32), make_clips(32, jump=9))
        )
    assert unusual > 1.5 * usual


def test_places_have_different_codes():
    codes = grid_encoding(GRID, 24).flatten(0, 2)
    assert torch.cdist(codes, codes).fill_diagonal_(9).min() > 0.01


def test_wrong_use_is_one_clear_error():
    with pytest.raises(ValueError, match=r'num_hidden=4 of 4 frames must leave some'):
        last_frames_mask(GRID, 4)
    with pytest.raises(ValueError, match=r'ratio=1.0 of 6 places must leave some'):
        tube_mask(GRID, 1.0)
    with pytest.raises(ValueError, match='embed_dims=32 must divide by 6'):
        FutureFrameDecoder(16, embed_dims=32)
