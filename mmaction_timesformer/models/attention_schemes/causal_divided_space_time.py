"""Divided attention that never looks ahead: time over the last W frames, then space.

Divided space-time attention (arXiv 2102.05095, Eq. 11) with three changes, by which the features of
a frame depend on the frames up to it and on nothing else:

- time attention is banded: a frame sees itself and the W - 1 frames before it;
- every frame keeps a class token of its own. Averaging copies of one class token, as divided
  attention does, would carry later frames into every patch;
- no frame has a learned position, of which a stream would run out. Rotary positions in seconds
  (arXiv 2104.09864) tell the order, if wanted: the backbone's ``pos_embed='rotary'``, or, in time
  alone, ``frame_seconds`` with periods that fit the window.

Names and shapes of the parameters are those of divided attention, so its checkpoints and those of
image ViTs load.

Legend: B batch, T frames, h/w patch rows and columns, D channels, L places = B h w, m cached
frames, d channels of a head.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import (
    ROTATIONS,
    AttentionStep,
    Partition,
    StepOptions,
    TokenGrid,
)
from mmaction_timesformer.models.layers.processor import FoldedLinear, Linear, is_free
from mmaction_timesformer.models.layers.rotary import rotate
from mmaction_timesformer.registry import ATTENTION_SCHEMES

_QUERIES_AT_ONCE = 32


class CausalTimeStep(nn.Module):
    """Attention among the patches at one place, over the last W frames.

    Args:
        window: W.
        frame_seconds: Distance of frames that rotary positions are made for; ``None`` for those of
            the backbone, if it has any.
        **step: ``StepOptions``.
    """

    def __init__(self, window: int, frame_seconds: float | None, **step: Any) -> None:
        super().__init__()
        options = StepOptions(**step)
        embed_dims, inner_dims = options.embed_dims, options.inner_dims
        self.window = window
        self.num_heads = options.num_heads
        self.norm = nn.LayerNorm(embed_dims, eps=options.norm_eps)
        self.qkv = Linear(embed_dims, 3 * inner_dims, bias=options.qkv_bias)
        self.proj = Linear(inner_dims, embed_dims)
        self.fc = Linear(embed_dims, embed_dims)
        self._folded = FoldedLinear()
        self.drop_path = DropPath(options.drop_path_rate)
        # No buffer: casting the model to half precision would take the times apart.
        self.frequencies: Tensor | None = None
        if frame_seconds is not None:
            self.frequencies = rotary_frequencies(
                inner_dims // options.num_heads, window, frame_seconds
            )

    def train(self, mode: bool = True) -> CausalTimeStep:
        """Switch mode; weights may have been written since, as an EMA hook does."""
        self._folded.clear()
        return super().train(mode)

    def forward(
        self, patches: Tensor, seconds: Tensor, rule: str | None = None, past: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attend from new frames to themselves and to cached ones.

        Args:
            patches: (B, T, h, w, D).
            seconds: Times (B, T) or (T,) of the new frames, float64 on the CPU.
            rule: The backbone's rotary positions, a name in ``ROTATIONS``.
            past: Keys and values of the cached frames, (2, L, heads, m, d).

        Returns:
            The update (B, T, h, w, D), and the cache with the new frames, at most W - 1 of them.
        """
        batch, _, height, width, _ = patches.shape
        q, k, v = rearrange(
            self.qkv(self.norm(patches)),
            'b t h w (three heads d) -> three (b h w) heads t d',
            three=3,
            heads=self.num_heads,
        )
        angles = self._angles(seconds, rule, q.shape[-1])
        if angles is not None:
            # (B, T, d) to (L, 1, T, d)
            angles = angles.expand(batch, -1, -1).repeat_interleave(height * width, dim=0)
            angles = angles[:, None].to(q.device)
            q, k = rotate(q, angles), rotate(k, angles)
        if past is not None:
            k, v = (torch.cat(pair, dim=2) for pair in ((past[0], k), (past[1], v)))
        kept = min(self.window - 1, k.shape[2])
        cache = torch.stack((k, v))[:, :, :, k.shape[2] - kept :].contiguous()
        update = rearrange(
            banded_attention(q, k, v, self.window),
            '(b h w) heads t d -> b t h w (heads d)',
            b=batch,
            h=height,
            w=width,
        )
        if self.training or not is_free():
            return self.drop_path(self.fc(self.proj(update))), cache
        return self._folded(update, self.proj, self.fc), cache

    def _angles(self, seconds: Tensor, rule: str | None, head_dims: int) -> Tensor | None:
        """Angles (..., T, d), in double precision: days of stream leave them as exact as ever."""
        if self.frequencies is not None:
            return (seconds[..., None] * self.frequencies).repeat_interleave(2, dim=-1)
        if rule is None:
            return None
        return ROTATIONS[rule]('t', seconds, (1, 1), head_dims)[..., 0, 0, :]


@ATTENTION_SCHEMES.register_module('causal_divided_space_time')
class CausalDividedSpaceTime(AttentionScheme):
    """Time over the last W frames, then space inside each frame with its own class token.

    Args:
        window: W, the frames that time attention spans, the present one among them. L blocks see
            L (W - 1) frames back.
        frame_seconds: Distance of a clip's frames in seconds, which turns on rotary positions in
            time with periods that fit the window. ``None`` leaves the order of frames to the
            backbone's ``pos_embed='rotary'``.
        step: Options of every step.

    Raises:
        ValueError: There is no such window, or the channels of a head are not pairs.
    """

    has_time_embed = False
    cls_per_frame = True
    looks_ahead = False

    def __init__(self, window: int = 8, frame_seconds: float | None = None, **step: Any) -> None:
        super().__init__()
        if window < 1:
            raise ValueError(f'window={window} must be at least 1 frame')
        if frame_seconds is not None and frame_seconds <= 0:
            raise ValueError(f'frame_seconds={frame_seconds} must be above 0')
        options = StepOptions(**step)
        if frame_seconds is not None and options.inner_dims // options.num_heads % 2:
            raise ValueError('rotary positions turn pairs of channels: a head needs an even number')
        self.window = window
        self.frame_seconds = frame_seconds
        self.time = CausalTimeStep(window, frame_seconds, **step)
        self.space = AttentionStep(Partition('b t h w d -> (b t) (h w) d'), **step)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, T + T h w, D) of a whole clip to tokens of the same shape."""
        seconds = torch.arange(grid.num_frames, dtype=torch.float64) * (self.frame_seconds or 1.0)
        if grid.positions is not None:
            seconds = grid.positions.seconds.to('cpu', torch.float64)
        return self.step(tokens, grid, seconds)[0]

    def step(
        self, tokens: Tensor, grid: TokenGrid, seconds: Tensor, past: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Take the next frames of a stream.

        Args:
            tokens: (B, T + T h w, D) of the new frames.
            grid: Their layout.
            seconds: Times (B, T) or (T,) of the new frames, float64 on the CPU.
            past: The cache that the step before returned.

        Returns:
            Tokens of the same shape, and the cache.
        """
        cls, patches = grid.split(tokens)
        rule = None if grid.positions is None else grid.positions.rule
        update, cache = self.time(patches, seconds, rule, past)
        tokens = grid.join(cls, patches + update)
        return self.space.add_to(tokens, grid), cache


def banded_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Attention from each of T queries to the last ``window`` keys up to its own.

    Args:
        q: (L, heads, T, d).
        k: (L, heads, m + T, d); the last T belong to the queries.
        v: Likewise.
        window: W.

    Returns:
        (L, heads, T, d).
    """
    num_queries, num_past = q.shape[2], k.shape[2] - q.shape[2]
    pieces = []
    for start in range(0, num_queries, _QUERIES_AT_ONCE):
        stop = min(start + _QUERIES_AT_ONCE, num_queries)
        first_key = max(0, num_past + start - window + 1)
        keys = slice(first_key, num_past + stop)
        own_key = torch.arange(start, stop, device=q.device)[:, None] + num_past
        key = torch.arange(first_key, num_past + stop, device=q.device)
        mask = (key <= own_key) & (key > own_key - window)
        pieces.append(
            F.scaled_dot_product_attention(
                q[:, :, start:stop], k[:, :, keys], v[:, :, keys], attn_mask=mask
            )
        )
    return torch.cat(pieces, dim=2)


def rotary_frequencies(head_dims: int, window: int, frame_seconds: float) -> Tensor:
    """Radians per second (d / 2,): periods from two frames to eight windows, in equal ratios."""
    shortest, longest = 2 * frame_seconds, 8 * window * frame_seconds
    periods = torch.logspace(
        math.log10(shortest), math.log10(longest), head_dims // 2, dtype=torch.float64
    )
    return 2 * math.pi / periods
