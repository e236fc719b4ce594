"""Rotary positions: queries and keys turned by where they stand (RoPE, arXiv 2104.09864).

Channels 2i and 2i + 1 of a head are a point in the plane, turned by ``position * frequency[i]``.
The product of a query and a key then depends on the difference of their positions alone, whatever
the number of frames, the frame rate or the size of the grid. Class tokens have no place and are
left as they are.

Positions in time are seconds. In space they run from -1 to 1 over the picture, at the centres of
the patches, so that a larger grid of the same picture has the same positions in between.

`RotaryPositions` is made once for a batch and handed down to every attention step, which asks it
for the axes along which the members of its groups differ.

Legend: B clips, C class tokens, T frames, h/w patch rows and columns, N = T h w, d channels of a
head.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

SHORTEST_SECONDS, LONGEST_SECONDS = 0.25, 250.0
"""Periods of the fastest and the slowest channels in time."""
MOST_HALF_TURNS = 5.0
"""Half turns of the fastest channels from the middle of the picture to its border."""


class RotaryPositions:
    """Where the tokens of a batch stand.

    Args:
        seconds: (B, T) time of every frame.
        grid: (h, w).
        num_cls: C.
        rule: A name in ``ROTATIONS``.
    """

    def __init__(
        self, seconds: Tensor, grid: tuple[int, int], num_cls: int, rule: str = 'rotary'
    ) -> None:
        self.seconds = seconds
        self.grid = grid
        self.num_cls = num_cls
        self.rule = rule
        self._tables: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}

    def tables(self, axes: str, head_dims: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines by which :func:`turn` turns rows of tokens, (C + N, B, d) each.

        Class tokens have no place: theirs are 1 and 0.
        """
        key = axes, head_dims
        if key not in self._tables:
            angles = ROTATIONS[self.rule](axes, self.seconds, self.grid, head_dims)
            rows = pad(angles.flatten(1, 3).transpose(0, 1), (0, 0, 0, 0, self.num_cls, 0))
            self._tables[key] = rows.cos().float(), rows.sin().float()
        return self._tables[key]


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of channels of every head.

    Args:
        x: (..., heads d).
        cos: Of every channel's angle, (..., d); both of a pair have the same.
        sin: Likewise.
    """
    heads = x.unflatten(-1, (-1, cos.shape[-1]))
    even, odd = heads[..., 0::2], heads[..., 1::2]
    quarter = torch.stack((-odd, even), dim=-1).flatten(-2)
    turned = heads * cos.unsqueeze(-2) + quarter * sin.unsqueeze(-2)
    return turned.flatten(-2).to(x.dtype)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn pairs of channels of one head, (..., d), by angles (..., d)."""
    exact = torch.promote_types(x.dtype, torch.float32)
    return turn(x, angles.cos().to(exact), angles.sin().to(exact))


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
    return pad(angles, (0, head_dims - angles.shape[-1]))


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
    'rotary_like_lucidrains': lucidrains_angles,
}
"""By the name that the backbone's ``pos_embed`` takes."""


def _centres(length: int, like: Tensor) -> Tensor:
    """Where the centres of patches stand between -1 and 1."""
    return (2 * torch.arange(length, device=like.device) + 1) / length - 1


def _space_frequencies(shares: Tensor) -> Tensor:
    """Radians a half picture: from half a turn to the most, geometrically."""
    return math.pi * MOST_HALF_TURNS**shares
