"""Resizing of learned positional embeddings (paper, Sec. 3 and Table 4).

Space is resized over its two axes, with the class token's entry kept apart: over the flattened
grid, as the first public implementation does it, rows would run into each other.

Legend: T frames, h/w patch rows and columns, D channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def resize_pos_embed(pos_embed: Tensor, source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Resize spatial positions by 2-D bicubic interpolation.

    Args:
        pos_embed: (1, 1 + h w, D), the class token's entry first.
        source: (h, w) of ``pos_embed``.
        target: (h, w) wanted.

    Returns:
        (1, 1 + h' w', D); ``pos_embed`` itself where nothing changes.

    Raises:
        ValueError: ``pos_embed`` does not hold 1 + h w entries.
    """
    if pos_embed.shape[1] != 1 + source[0] * source[1]:
        raise ValueError(
            f'{pos_embed.shape[1]} positions are not one class token and a grid of '
            f'{source[0]}x{source[1]} patches'
        )
    if source == target:
        return pos_embed
    cls, space = pos_embed[:, :1], pos_embed[:, 1:]
    grid = rearrange(space, 'one (h w) d -> one d h w', h=source[0])
    # Half precision on CPU has no bicubic kernel, and positions deserve full precision anyway.
    grid = F.interpolate(grid.float(), size=target, mode='bicubic', align_corners=False)
    space = rearrange(grid, 'one d h w -> one (h w) d').to(pos_embed.dtype)
    return torch.cat((cls, space), dim=1)


def resize_time_embed(time_embed: Tensor, num_frames: int) -> Tensor:
    """Resize temporal positions (1, T, D) to (1, num_frames, D) by linear interpolation."""
    if time_embed.shape[1] == num_frames:
        return time_embed
    line = rearrange(time_embed, 'one t d -> one d t').float()
    line = F.interpolate(line, size=num_frames, mode='linear', align_corners=False)
    return rearrange(line, 'one d t -> one t d').to(time_embed.dtype)


def resize_joint_embed(
    pos_embed: Tensor, grid: tuple[int, int, int], new_grid: tuple[int, int, int]
) -> Tensor:
    """Resize positions of every patch of a clip, the class token's first.

    Args:
        pos_embed: (1, 1 + T h w, D).
        grid: Its (T, h, w).
        new_grid: The (T, h, w) to have.

    Returns:
        (1, 1 + T h w, D) of the new grid.
    """
    if new_grid == grid:
        return pos_embed
    cls, patches = pos_embed.float().tensor_split((1,), dim=1)
    volume = patches.unflatten(1, grid).permute(0, 4, 1, 2, 3)
    volume = F.interpolate(volume, new_grid, mode='trilinear', align_corners=False)
    return torch.cat((cls, volume.flatten(2).mT), dim=1).to(pos_embed.dtype)
