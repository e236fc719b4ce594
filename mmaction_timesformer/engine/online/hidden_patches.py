"""Training of a causal backbone without labels: patches are hidden from it and predicted.

Steps take turns between tubes, the same places hidden in every frame, and the last frames, where
what comes next is predicted. The decoder that predicts is needed later only for its surprise.

Legend: B stretches, T frames, H/W pixels, h/w patch rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.engine.online.steps import Progress, Schedule, long_enough, train_modules
from mmaction_timesformer.models.backbones import StreamingTimeSformer
from mmaction_timesformer.models.heads.future_frame_decoder import (
    FutureFrameDecoder,
    last_frames_mask,
    tube_mask,
)

_SCHEDULE = Schedule(300, 12, report_steps=25)


@dataclass(frozen=True)
class HiddenPatchTraining:
    """How a backbone is trained on hidden patches.

    Attributes:
        schedule: How long and how fast.
        num_frames: T.
        tube_ratio: Share of the places that tubes hide.
        num_last: Frames hidden at the end.
    """

    schedule: Schedule = _SCHEDULE
    num_frames: int = 8
    tube_ratio: float = 0.6
    num_last: int = 1


def train_on_hidden_patches(
    stream: StreamingTimeSformer,
    decoder: FutureFrameDecoder,
    recordings: Sequence[Tensor],
    settings: HiddenPatchTraining,
    progress: Progress | None = None,
) -> None:
    """Train a backbone and a decoder in place.

    Args:
        stream: The backbone.
        decoder: Predicts what was hidden.
        recordings: Inputs of the backbone, (3, T of each, H, W).
        settings: How.
        progress: Where to report.

    Raises:
        ValueError: No recording is as long as a stretch, or a mask hides nothing or everything.
    """
    schedule = settings.schedule
    usable = long_enough(recordings, settings.num_frames, lambda one: one.shape[1])
    rng = np.random.default_rng(schedule.seed)
    generator = torch.Generator().manual_seed(schedule.seed)
    rows, columns = decoder.patch_size
    grid = (settings.num_frames, usable[0].shape[2] // rows, usable[0].shape[3] // columns)
    last = last_frames_mask(grid, settings.num_last)

    def draw_loss() -> Tensor:
        clips = torch.stack(
            [_stretch(usable, settings.num_frames, rng) for _ in range(schedule.batch_size)]
        )
        mask = last if rng.random() < 0.5 else tube_mask(grid, settings.tube_ratio, generator)
        return hidden_loss(stream, decoder, clips, mask)

    train_modules([stream, decoder], schedule, draw_loss, progress)


def hidden_loss(
    stream: StreamingTimeSformer, decoder: FutureFrameDecoder, clips: Tensor, mask: Tensor
) -> Tensor:
    """Mean squared error of the prediction of what a mask (T, h, w) hides of clips."""
    tokens = stream.tokens(decoder.hide(clips, mask))
    return decoder.loss(tokens, clips, mask)['loss_hidden']


def copying_loss(decoder: FutureFrameDecoder, clips: Tensor) -> Tensor:
    """Mean squared error of the last frame predicted by the frame before it.

    Args:
        decoder: Gives the targets.
        clips: (B, 3, T, H, W).
    """
    rows, columns = decoder.patch_size
    grid = (1, clips.shape[3] // rows, clips.shape[4] // columns)
    everything = torch.ones(grid, dtype=torch.bool)
    before, last = (
        decoder.targets(clips[:, :, place : place + 1], everything)
        for place in (clips.shape[2] - 2, clips.shape[2] - 1)
    )
    return (before - last).square().mean()


def _stretch(recordings: Sequence[Tensor], num_frames: int, rng: np.random.Generator) -> Tensor:
    """A stretch (3, T, H, W) from anywhere."""
    one = recordings[int(rng.integers(len(recordings)))]
    start = int(rng.integers(0, one.shape[1] - num_frames + 1))
    return one[:, start : start + num_frames].float()
