"""Frames of a batch of clips: when they are, and which of them count.

Legend: B clips, C channels, T frames, H/W pixels, h/w patch rows and columns, D channels of a
token.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor


def check_mask(clips: Tensor, frame_mask: Tensor) -> Tensor:
    """The mask (B, T) as booleans on the clips' device.

    Raises:
        ValueError: It does not fit the clips, or leaves one without any frame.
    """
    if frame_mask.shape != (clips.shape[0], clips.shape[2]):
        raise ValueError(
            f'frame_mask of shape {tuple(frame_mask.shape)} does not fit clips of shape '
            f'{tuple(clips.shape)}; ({clips.shape[0]}, {clips.shape[2]}) would'
        )
    frame_mask = frame_mask.to(clips.device, torch.bool)
    if not frame_mask.any(dim=1).all():
        raise ValueError('frame_mask leaves a clip without any frame')
    return frame_mask


def times_of(clips: Tensor, seconds: Tensor | None, frame_seconds: float) -> Tensor:
    """Times (B, T) of the frames, float64.

    Args:
        clips: (B, C, T, H, W).
        seconds: (B, T), or (T,) for all clips alike; ``None`` for ``frame_seconds`` apart.
        frame_seconds: Distance of frames where no times are given.

    Raises:
        ValueError: The times do not fit the clips.
    """
    batch_size, num_frames = clips.shape[0], clips.shape[2]
    if seconds is None:
        times = torch.arange(num_frames, device=clips.device, dtype=torch.float64)
        return (times * frame_seconds).expand(batch_size, num_frames)
    fitting = (num_frames,) if seconds.dim() == 1 else (batch_size, num_frames)
    if seconds.shape != fitting:
        raise ValueError(
            f'seconds of shape {tuple(seconds.shape)} do not fit clips of shape '
            f'{tuple(clips.shape)}; ({batch_size}, {num_frames}) would'
        )
    return seconds.to(clips.device, torch.float64).expand(batch_size, num_frames)


def run_without(
    run: Callable[[Tensor, Tensor], Tensor],
    clips: Tensor,
    times: Tensor,
    frame_mask: Tensor,
    by_frame: bool,
) -> Tensor:
    """Features of clips without the frames that do not count; clips of one length run together.

    Args:
        run: From clips and times to features (B, D), or (B, T, h, w, D).
        clips: (B, C, T, H, W).
        times: (B, T).
        frame_mask: (B, T), true for frames that count.
        by_frame: Whether features have a place for every frame; it is zero for those left out.
    """
    lengths = frame_mask.sum(dim=1)
    features: Tensor | None = None
    for length in lengths.unique().tolist():
        chosen = lengths == length
        kept = frame_mask[chosen]
        frames = rearrange(clips[chosen], 'b c t h w -> b t c h w')[kept]
        part = run(
            rearrange(frames, '(b t) c h w -> b c t h w', t=length),
            times[chosen][kept].view(-1, length),
        )
        if features is None:
            head = (len(clips), clips.shape[2]) if by_frame else (len(clips),)
            features = part.new_zeros(*head, *part.shape[len(head) :])
        if by_frame:
            chosen = chosen[:, None] & frame_mask
            part = part.flatten(0, 1)
        features = features.index_put(chosen.nonzero(as_tuple=True), part)
    assert features is not None
    return features
