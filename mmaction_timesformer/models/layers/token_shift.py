"""Token shift in time: a third of the channels from the next frame, a third from the previous one.

A mixing of frames without parameters (lucidrains/TimeSformer-pytorch, there for all three branches
of a block). Class tokens have no frame and are left as they are.

Legend: B clips, C class tokens, T frames, N = T h w patches, D channels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from mmaction_timesformer.models.layers.token_grid import TokenGrid


def shift_if_wanted(tokens: Tensor, grid: TokenGrid) -> Tensor:
    """Tokens (B, C + N, D), shifted if the grid says so."""
    if grid.shift_frames is None:
        return tokens
    return shift_tokens(tokens, grid.num_cls, grid.shift_frames)


def shift_tokens(tokens: Tensor, num_cls: int, num_frames: int) -> Tensor:
    """Shift channels of patches between neighbouring frames; zeros come in at the ends.

    Args:
        tokens: (B, C + N, D), patches in (t h w) order.
        num_cls: C.
        num_frames: T.

    Raises:
        ValueError: The patches do not divide into frames.
    """
    cls, patches = tokens.tensor_split((num_cls,), dim=1)
    if patches.shape[1] % num_frames:
        raise ValueError(f'{patches.shape[1]} patches do not divide into {num_frames} frames')
    frames = patches.unflatten(1, (num_frames, -1))
    third = tokens.shape[-1] // 3
    following, same, previous, rest = frames.tensor_split((third, 2 * third, 3 * third), dim=-1)
    following = pad(following[:, 1:], (0, 0, 0, 0, 0, 1))
    previous = pad(previous[:, :-1], (0, 0, 0, 0, 1, 0))
    shifted = torch.cat((following, same, previous, rest), dim=-1)
    return torch.cat((cls, shifted.flatten(1, 2)), dim=1)
