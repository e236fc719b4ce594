"""Training on hidden patches: the loss falls, and what comes next is predicted, not copied."""

from __future__ import annotations

import pytest
import torch

from mmaction_timesformer.engine.online.hidden_patches import (
    HiddenPatchTraining,
    copying_loss,
    hidden_loss,
    train_on_hidden_patches,
)
from mmaction_timesformer.engine.online.steps import Schedule
from mmaction_timesformer.models import StreamingTimeSformer, TimeSformerBackbone
from mmaction_timesformer.models.heads.future_frame_decoder import (
    FutureFrameDecoder,
    last_frames_mask,
)

FRAMES, HEIGHT, WIDTH = 5, 16, 24


def wandering_bars(num: int, num_frames: int, seed: int) -> list[torch.Tensor]:
    """Bars that wander three pixels a frame to the right, from anywhere."""
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, WIDTH, (num,), generator=generator)
    frames, columns = torch.arange(num_frames), torch.arange(WIDTH)
    clips = []
    for start in starts:
        bars = ((columns - start - 3 * frames[:, None]) % WIDTH < 5).float()
        clips.append(bars[None, :, None, :].expand(3, -1, HEIGHT, -1).contiguous())
    return clips


def test_predicting_beats_copying_the_last_frame_of_a_moving_pattern():
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(
        img_size=(HEIGHT, WIDTH), patch_size=8, embed_dims=16, num_heads=2,
        num_transformer_layers=1, drop_path_rate=0.0,
        attention_type=dict(type='causal_divided_space_time', window=4, frame_seconds=1.0),
    )  # fmt: skip
    stream = StreamingTimeSformer(backbone)
    decoder = FutureFrameDecoder(16, (8, 8), embed_dims=24, num_heads=2, num_layers=1)
    losses = []
    settings = HiddenPatchTraining(
        Schedule(120, 16, learning_rate=8e-3, report_steps=10), FRAMES, tube_ratio=0.4
    )
    train_on_hidden_patches(
        stream,
        decoder,
        wandering_bars(8, 30, seed=0),
        settings,
        lambda step, loss: losses.append(loss),
    )
    assert losses[-1] < 0.75 * losses[0]
    unseen = torch.stack(wandering_bars(64, FRAMES, seed=1))
    with torch.inference_mode():
        predicted = hidden_loss(stream, decoder, unseen, last_frames_mask((FRAMES, 2, 3), 1))
    assert predicted < 0.7 * copying_loss(decoder, unseen)


def test_recordings_shorter_than_a_stretch_are_refused():
    backbone = TimeSformerBackbone(
        img_size=16, patch_size=8, embed_dims=8, num_heads=1, num_transformer_layers=1,
        attention_type='causal_divided_space_time',
    )  # fmt: skip
    decoder = FutureFrameDecoder(8, (8, 8), embed_dims=12, num_heads=2, num_layers=1)
    with pytest.raises(ValueError, match='none of 1 recordings has 8 frames'):
        train_on_hidden_patches(
            StreamingTimeSformer(backbone),
            decoder,
            [torch.zeros(3, 4, 16, 16)],
            HiddenPatchTraining(),
        )
