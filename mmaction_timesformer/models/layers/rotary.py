"""Rotary positions: queries and keys turned by where they stand (RoPE, arXiv 2104.09864).

Channels 2i and 2i + 1 of a head are a point in the plane, turned by ``position * frequency[i]``.
The product of a query and a key then depends on the difference of their positions alone, whatever
the number of frames, the frame rate or the size of the grid. Class tokens have no place and are
left as they are.

Positions in time are seconds. In space they run from -1 to 1 over the picture, at the centres of
the patches, so that a larger grid of the same picture has the same positions in between.

Legend: T frames, h/w patch rows and columns, d channels of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

SHORTEST_SECONDS, LONGEST_SECONDS = 0.25, 250.0
"""Periods of the fastest and the slowest channels in time."""
MOST_HALF_TURNS = 5.0
"""Half turns of the fastest channels from the middle of the picture to its border."""


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn pairs of channels.

    Args:
        x: (..., d).
        angles: Of every channel, broadcastable to (..., d); both of a pair have the same.
    """
    even, odd = x[..., 0::2], x[..., 1::2]
    quarter = torch.stack((-odd, even), dim=-1).flatten(-2)
    return x * angles.cos() + quarter * angles.sin()


def relative_angles(axes: str, seconds: Tensor, grid: tuple[int, int], head_dims: int) -> Tensor:
    """Angles for attention along some axes of the clip, which share the channels evenly.

    Args:
        axes: Of ``t``, ``h`` and ``w``.
        seconds: (..., T) time of every frame.
        grid: (h, w).
        head_dims: d; channels left over when every axis has its pairs are not turned.

    Returns:
        (..., T, h, w, d).
    """
    num_pairs = head_dims // (2 * len(axes))
    slowing = torch.linspace(0, 1, num_pairs, device=seconds.device)
    fastest, slowest = 2 * math.pi / SHORTEST_SECONDS, 2 * math.pi / LONGEST_SECONDS
    of_axis = {
        't': (seconds[..., :, None, None], fastest * (slowest / fastest) ** slowing),
        'h': (_centres(grid[0], seconds)[:, None], _space_frequencies(1 - slowing)),
        'w': (_centres(grid[1], seconds), _space_frequencies(1 - slowing)),
    }
    everywhere = (*seconds.shape, *grid, num_pairs)
    angles = torch.cat(
        [(of_axis[a][0][..., None] * of_axis[a][1]).expand(everywhere) for a in axes], dim=-1
    ).repeat_interleave(2, dim=-1)
    return torch.nn.functional.pad(angles, (0, head_dims - angles.shape[-1]))


def lucidrains_angles(axes: str, seconds: Tensor, grid: tuple[int, int], head_dims: int) -> Tensor:
    """Angles of lucidrains/TimeSformer-pytorch 0.4.1, for its weights.

    In time they count frames, and the two channels of a pair get different angles (channel j that
    of frequency j mod d/2): lengths change, and products are not a function of the difference of
    positions. In space patches stand from -1 to 1 with the outermost at the borders.

    Args:
        axes: ``t`` or ``hw``.
        seconds: (..., T), taken as numbers of frames.
        grid: (h, w).
        head_dims: d, divisible by 4.

    Returns:
        (..., T, h, w, d).
    """
    if axes not in ('t', 'hw') or head_dims % 4:
        raise ValueError(
            f'rotary positions as lucidrains has them are for axes t or hw and heads of 4n '
            f'channels, not for {axes} and {head_dims}'
        )
    everywhere = (*seconds.shape, *grid, -1)
    if axes == 't':
        channels = torch.arange(0, head_dims, 2, device=seconds.device)
        angles = seconds[..., None] * 10000.0 ** (-channels / head_dims)
        return torch.cat((angles, angles), dim=-1)[..., :, None, None, :].expand(everywhere)
    scales = _space_frequencies(torch.linspace(0, 1, head_dims // 4, device=seconds.device))
    rows, columns = (
        torch.linspace(-1, 1, length, device=seconds.device)[:, None] * scales for length in grid
    )
    rows, columns = rows[:, None].expand(*grid, -1), columns.expand(*grid, -1)
    return torch.cat((rows, columns), dim=-1).repeat_interleave(2, dim=-1).expand(everywhere)


ROTATIONS: dict[str, Callable[[str, Tensor, tuple[int, int], int], Tensor]] = {
    'rotary': relative_angles,
    'lucidrains_rotary': lucidrains_angles,
}
"""By the name that the backbone's ``pos_embed`` takes."""


def _centres(length: int, like: Tensor) -> Tensor:
    """Where the centres of patches stand between -1 and 1."""
    return (2 * torch.arange(length, device=like.device) + 1) / length - 1


def _space_frequencies(shares: Tensor) -> Tensor:
    """Radians a half picture: from half a turn to the most, geometrically."""
    return math.pi * MOST_HALF_TURNS**shares
