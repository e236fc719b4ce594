"""Divided attention whose class token sees the whole clip, as in lucidrains/TimeSformer-pytorch.

Time, then space. The class token has no place: as a query it sees every token of the clip in both
steps, as a key it is seen by every patch. No extra linear layer follows the time step.

``like='lucidrains'`` computes what its version 0.4.1 computes, for its weights, with what is odd in
it: its rotary positions in time are no rotation, its token shift has the frame borders of the
number of frames that it was made for, and lets channels of frames that are masked out leak into
their neighbours. Without ``like`` none of that holds.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w patches,
D channels, m heads, d channels of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from typing_extensions import Unpack

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme, StepOptions
from mmaction_timesformer.models.layers import TokenGrid
from mmaction_timesformer.models.layers.rotary import ROTATIONS, rotate
from mmaction_timesformer.models.layers.token_shift import shift_tokens
from mmaction_timesformer.registry import ATTENTION_SCHEMES

LIKE = (None, 'lucidrains')
GROUPS = {'t': 'b m (t h w) d -> (b h w) m t d', 'hw': 'b m (t h w) d -> (b t) m (h w) d'}


@dataclass(frozen=True)
class Shape:
    """Sizes of a step and the rule of its positions.

    Attributes:
        embed_dims: D.
        num_heads: m.
        head_dims: d.
        qkv_bias: Whether queries, keys and values have a bias.
        norm_eps: Epsilon of the LayerNorm.
        rotation: A name in ``ROTATIONS``, or none.
        frame_seconds: Distance of frames.
    """

    embed_dims: int
    num_heads: int
    head_dims: int
    qkv_bias: bool
    norm_eps: float
    rotation: str | None
    frame_seconds: float


@ATTENTION_SCHEMES.register_module('whole_clip_class')
class WholeClipClass(AttentionScheme):
    """Time, then space; the class token sees all of the clip in both.

    Args:
        rotary: Turn queries and keys of patches by their time and place, so that what they give
            depends on distances in seconds and in the picture alone.
        token_shift: A third of the channels comes from the next frame, a third from the previous.
        head_dims: Channels of a head; by default ``embed_dims / num_heads``.
        qkv_bias: Whether queries, keys and values have a bias.
        norm_eps: Epsilon of the LayerNorms.
        frame_seconds: Distance of frames, for rotary positions.
        like: ``lucidrains`` for that library's numbers; it counts frames, not seconds.
        num_frames: With ``like``, the number of frames that the weights were made for.
        step: Options of every step.

    Raises:
        ValueError: Unknown ``like``, or it lacks ``num_frames``.
    """

    def __init__(
        self,
        rotary: bool = False,
        token_shift: bool = False,
        head_dims: int | None = None,
        qkv_bias: bool = True,
        norm_eps: float = 1e-6,
        frame_seconds: float = 1.0,
        like: str | None = None,
        num_frames: int | None = None,
        **step: Unpack[StepOptions],
    ) -> None:
        super().__init__()
        if like not in LIKE:
            raise ValueError(f'like={like!r} is unknown; choose from {LIKE}')
        if like is not None and token_shift and num_frames is None:
            raise ValueError(f'like={like!r} shifts tokens of a fixed number of frames: num_frames')
        self.norm_eps = norm_eps
        self.masks_frames = like is not None
        self.token_shift = token_shift
        self.num_frames = num_frames if like is not None else None
        rotation = 'rotary' if like is None else f'{like}_rotary'
        shape = Shape(
            step['embed_dims'],
            step['num_heads'],
            head_dims or step['embed_dims'] // step['num_heads'],
            qkv_bias,
            norm_eps,
            rotation if rotary else None,
            1.0 if like is not None else frame_seconds,
        )
        self.time = WholeClipStep('t', shape, step['drop_path_rate'])
        self.space = WholeClipStep('hw', shape, step['drop_path_rate'])

    def shift(self, grid: TokenGrid) -> Callable[[Tensor], Tensor] | None:
        """Token shift for a grid, where this scheme has it."""
        if not self.token_shift:
            return None
        num_frames = self.num_frames or grid.num_frames
        return partial(shift_tokens, num_cls=grid.num_cls, num_frames=num_frames)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, 1 + N, D) to tokens of the same shape."""
        shift = self.shift(grid)
        for step in (self.time, self.space):
            tokens = tokens + step(tokens, grid, shift)
        return tokens


class WholeClipStep(nn.Module):
    """One of the two steps: LayerNorm, token shift, attention, projection.

    Args:
        axes: ``t`` or ``hw``: along what patches see each other.
        shape: Its sizes.
        drop_path_rate: Chance to leave the step out for a clip, in training.
    """

    def __init__(self, axes: str, shape: Shape, drop_path_rate: float) -> None:
        super().__init__()
        self.axes = axes
        self.shape = shape
        inner_dims = shape.num_heads * shape.head_dims
        self.norm = nn.LayerNorm(shape.embed_dims, eps=shape.norm_eps)
        self.qkv = nn.Linear(shape.embed_dims, 3 * inner_dims, bias=shape.qkv_bias)
        self.proj = nn.Linear(inner_dims, shape.embed_dims)
        self.drop_path = DropPath(drop_path_rate)

    def forward(
        self, tokens: Tensor, grid: TokenGrid, shift: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Tokens (B, 1 + N, D) to their update."""
        normed = self.norm(tokens)
        normed = normed if shift is None else shift(normed)
        parts = rearrange(self.qkv(normed), 'b n (p m d) -> p b m n d', p=3, m=self.shape.num_heads)
        q, k, v = parts
        cls = scaled_dot_product_attention(q[:, :, :1], k, v, attn_mask=self._clip_mask(grid))
        patches = self._attend_patches(q, k, v, grid)
        attended = rearrange(torch.cat((cls, patches), dim=2), 'b m n d -> b n (m d)')
        return self.drop_path(self.proj(attended))

    def _attend_patches(self, q: Tensor, k: Tensor, v: Tensor, grid: TokenGrid) -> Tensor:
        """(B, m, 1 + N, d) each, to patches (B, m, N, d)."""
        cls_k, cls_v = k[:, :, :1], v[:, :, :1]
        q, k, v = (x[:, :, 1:] for x in (q, k, v))
        if self.shape.rotation is not None:
            seconds = torch.arange(grid.num_frames, device=q.device) * self.shape.frame_seconds
            angles = ROTATIONS[self.shape.rotation](
                self.axes, seconds, (grid.height, grid.width), self.shape.head_dims
            )
            angles = angles.flatten(0, 2)
            q, k = rotate(q, angles).to(v.dtype), rotate(k, angles).to(v.dtype)
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
