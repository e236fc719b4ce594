"""Divided attention whose class token sees the whole clip, as in lucidrains/TimeSformer-pytorch.

Time, then space. The class token has no place: as a query it sees every token of the clip in both
steps, as a key it is seen by every patch. No extra linear layer follows the time step.

``like='lucidrains'`` computes what its version 0.4.1 computes, for its weights, with what is odd in
it: frames that do not count are masked in attention alone, so token shift lets their channels leak
into their neighbours, and its frame borders are those of the number of frames that it was made
for. Its rotary positions, which in time are no rotation, are the backbone's
``pos_embed='rotary_like_lucidrains'``.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w patches,
D channels, m heads, d channels of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import StepOptions, TokenGrid
from mmaction_timesformer.models.layers.rotary import turn
from mmaction_timesformer.models.layers.token_shift import shift_if_wanted
from mmaction_timesformer.registry import ATTENTION_SCHEMES

LIKE = (None, 'lucidrains')
GROUPS = {'t': 'b m (t h w) d -> (b h w) m t d', 'hw': 'b m (t h w) d -> (b t) m (h w) d'}


@ATTENTION_SCHEMES.register_module('whole_clip_class')
class WholeClipClass(AttentionScheme):
    """Time, then space; the class token sees all of the clip in both.

    Args:
        like: ``lucidrains`` for that library's frame masks and token shift.
        num_frames: With ``like``, the number of frames that the weights were made for.
        **step: Options of every step.

    Raises:
        ValueError: Unknown ``like``, or it lacks ``num_frames``.
    """

    def __init__(self, like: str | None = None, num_frames: int | None = None, **step: Any) -> None:
        super().__init__()
        if like not in LIKE:
            raise ValueError(f'like={like!r} is unknown; choose from {LIKE}')
        if (like is None) != (num_frames is None):
            raise ValueError(
                f'like={like!r} and num_frames={num_frames} belong together: the frames of a clip '
                "are fixed with like='lucidrains', and any number without"
            )
        self.masks_frames = like is not None
        self.shift_frames = num_frames
        self.time = WholeClipStep('t', **step)
        self.space = WholeClipStep('hw', **step)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, 1 + N, D) to tokens of the same shape."""
        tokens = tokens + self.time(tokens, grid)
        return tokens + self.space(tokens, grid)


class WholeClipStep(nn.Module):
    """One of the two steps: LayerNorm, attention, projection.

    Args:
        axes: ``t`` or ``hw``: along what patches see each other.
        **step: ``StepOptions``.
    """

    def __init__(self, axes: str, **step: Any) -> None:
        super().__init__()
        options = StepOptions(**step)
        self.axes = axes
        self.num_heads = options.num_heads
        self.norm = nn.LayerNorm(options.embed_dims, eps=options.norm_eps)
        self.qkv = nn.Linear(options.embed_dims, 3 * options.inner_dims, bias=options.qkv_bias)
        self.proj = nn.Linear(options.inner_dims, options.embed_dims)
        self.drop_path = DropPath(options.drop_path_rate)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, 1 + N, D) to their update."""
        normed = shift_if_wanted(self.norm(tokens), grid)
        parts = rearrange(self.qkv(normed), 'b n (p m d) -> p b m n d', p=3, m=self.num_heads)
        q, k, v = parts
        cls = scaled_dot_product_attention(q[:, :, :1], k, v, attn_mask=self._clip_mask(grid))
        patches = self._attend_patches(q, k, v, grid)
        attended = rearrange(torch.cat((cls, patches), dim=2), 'b m n d -> b n (m d)')
        return self.drop_path(self.proj(attended))

    def _attend_patches(self, q: Tensor, k: Tensor, v: Tensor, grid: TokenGrid) -> Tensor:
        """(B, m, 1 + N, d) each, to patches (B, m, N, d)."""
        cls_k, cls_v = k[:, :, :1], v[:, :, :1]
        q, k, v = (x[:, :, 1:] for x in (q, k, v))
        if grid.positions is not None:
            # (1 + N, B, d) to (B, 1, N, d)
            tables = (
                rearrange(table[1:], 'n b d -> b 1 n d')
                for table in grid.positions.tables(self.axes, q.shape[-1])
            )
            cos, sin = tables
            q, k = turn(q, cos, sin), turn(k, cos, sin)
        sizes = dict(t=grid.num_frames, h=grid.height, w=grid.width)
        pattern = GROUPS[self.axes]
        q, k, v = (rearrange(x, pattern, **sizes) for x in (q, k, v))
        copies = q.shape[0] // cls_k.shape[0]
        k, v = (
            torch.cat((cls.repeat_interleave(copies, dim=0), x), dim=2)
            for cls, x in ((cls_k, k), (cls_v, v))
        )
        attended = scaled_dot_product_attention(q, k, v, attn_mask=self._group_mask(grid, copies))
        return rearrange(attended, ' -> '.join(reversed(pattern.split(' -> '))), **sizes)

    def _clip_mask(self, grid: TokenGrid) -> Tensor | None:
        """Which tokens the class token sees, (B, 1, 1, 1 + N)."""
        if grid.frame_mask is None:
            return None
        patches = grid.frame_mask.repeat_interleave(grid.height * grid.width, dim=1)
        return _with_cls(patches)

    def _group_mask(self, grid: TokenGrid, copies: int) -> Tensor | None:
        """Which frames a patch sees, (B h w, 1, 1, 1 + T); in a frame it sees all patches."""
        if grid.frame_mask is None or self.axes != 't':
            return None
        return _with_cls(grid.frame_mask).repeat_interleave(copies, dim=0)


def _with_cls(mask: Tensor) -> Tensor:
    """(B, n) to (B, 1, 1, 1 + n): the class token is seen always."""
    return torch.nn.functional.pad(mask, (1, 0), value=True)[:, None, None]
