"""One attention step: multi-head self-attention inside the groups of a grouping.

A step returns the *update* of the tokens, not the tokens: a scheme decides whether its steps
follow each other or read the same input (paper, Sec. 3, Eq. 5-8).

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w patches,
D channels, G groups, n/m queries and keys of a group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmaction_timesformer.models.layers.grouping import Grouping
from mmaction_timesformer.models.layers.hooks import is_watched
from mmaction_timesformer.models.layers.processor import (
    AttentionKernel,
    FoldedLinear,
    Linear,
    SplitLinear,
    attend,
    fold,
    is_free,
)
from mmaction_timesformer.models.layers.recompute import linear_of
from mmaction_timesformer.models.layers.rotary import turn
from mmaction_timesformer.models.layers.token_grid import TokenGrid
from mmaction_timesformer.models.layers.token_shift import shift_if_wanted

Update = tuple[Tensor | None, Tensor]
"""Of the class tokens, (C, B, D) or None where none is made, and of the patches (T, h, w, B, D)."""


def _same(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class StepOptions:
    """Options that the backbone passes to every step of a scheme.

    Attributes:
        embed_dims: D.
        num_heads: Attention heads.
        drop_path_rate: Chance to leave a step out for a clip, in training.
        head_dims: Channels of a head; by default ``embed_dims / num_heads``.
        qkv_bias: Whether queries, keys and values have a bias.
        norm_eps: Epsilon of the LayerNorm.
    """

    embed_dims: int
    num_heads: int
    drop_path_rate: float = 0.0
    head_dims: int | None = None
    qkv_bias: bool = True
    norm_eps: float = 1e-6

    @property
    def inner_dims(self) -> int:
        """Channels of all heads together."""
        return self.num_heads * (self.head_dims or self.embed_dims // self.num_heads)


class AttentionStep(nn.Module):
    """LayerNorm, self-attention inside groups, projection, and an extra linear layer.

    Args:
        grouping: Which tokens meet.
        extra_linear: Whether a zero-initialised D x D layer follows the projection. Steps that an
            image ViT lacks have it, so that a network with copied weights starts as that ViT
            (paper, Sec. 4).
        **step: :class:`StepOptions`.

    Attributes:
        kernel: Attention of one batch of groups, (G, heads, n, d). Replace it to look at attention
            maps: the groups are then made as the grouping defines them.
    """

    def __init__(self, grouping: Grouping, extra_linear: bool = False, **step: Any) -> None:
        super().__init__()
        options = StepOptions(**step)
        embed_dims, inner_dims = options.embed_dims, options.inner_dims
        self.grouping = grouping
        self.num_heads = options.num_heads
        self.kernel: AttentionKernel = attend
        self.norm = nn.LayerNorm(embed_dims, eps=options.norm_eps)
        self.qkv = SplitLinear(embed_dims, 3 * inner_dims, parts=3, bias=options.qkv_bias)
        self.proj = Linear(inner_dims, embed_dims)
        self.fc = Linear(embed_dims, embed_dims) if extra_linear else None
        self._folded = FoldedLinear()
        self.drop_path = DropPath(options.drop_path_rate)

    def train(self, mode: bool = True) -> AttentionStep:
        """Switch mode; weights may have been written since, as an EMA hook does."""
        self._folded.clear()
        return super().train(mode)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + N, D) to their update, of the same shape; zero where none is made."""
        cls, patches = self._update(tokens, grid)
        if cls is None:
            cls = patches.new_zeros(grid.num_cls, *patches.shape[3:])
        rows = torch.cat((cls, patches.flatten(0, 2)))
        return self.drop_path(rows.transpose(0, 1))

    def add_to(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """``tokens + self(tokens, grid)``, without joining the update where nobody looks at it."""
        if not is_free() or is_watched(self):
            return tokens + self(tokens, grid)
        update = self._update(tokens, grid)
        rows = tokens.transpose(0, 1)
        total = rows.new_empty(rows.shape, dtype=torch.result_type(rows, update[1]))
        for before, change, after in zip(
            grid.split_rows(rows), update, grid.split_rows(total), strict=True
        ):
            if change is None:
                after.copy_(before)
            else:
                torch.add(before, change, out=after)
        return total.transpose(0, 1)

    def _update(self, tokens: Tensor, grid: TokenGrid) -> Update:
        if self.kernel is not attend or not self.grouping.can_attend(tokens):
            return self._update_by_definition(tokens, grid)

        def normalize(rows: Tensor) -> Tensor:
            normed = shift_if_wanted(self.norm(rows).transpose(0, 1), grid)
            return self.grouping.prepare(normed.transpose(0, 1), grid)

        rows = tokens.transpose(0, 1)
        q, k, v = linear_of(normalize, partial(self.qkv, split=True), rows)
        q, k = self._turn(q, k, grid, partial(self.grouping.prepare, grid=grid))
        attended = self.grouping.attend(q, k, v, grid, self.num_heads)
        return self.grouping.put_back([self._project(part) for part in attended], grid)

    def _update_by_definition(self, tokens: Tensor, grid: TokenGrid) -> Update:
        """The same out of the groups that the grouping hands out, which are copied."""
        qkv = linear_of(partial(self._normalize, grid=grid), self.qkv, tokens)
        if self.grouping.copies_keys and torch.is_grad_enabled():
            # Overlapping groups copy a token many times; only the original is worth keeping.
            groups = checkpoint(self._attend, qkv, grid, use_reentrant=False)
        else:
            groups = self._attend(qkv, grid)

        def merge(*parts: Tensor) -> Tensor:
            return self.grouping.merge(parts, grid)

        update = self._project(*groups, cheap=merge).transpose(0, 1)
        if not self.grouping.updates_cls:
            return None, update.unflatten(0, grid.shape)
        return grid.split_rows(update)

    def _normalize(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """The LayerNorm of tokens (B, C + N, D), shifted in time if the grid says so."""
        return shift_if_wanted(self.norm(tokens), grid)

    def _turn(
        self, q: Tensor, k: Tensor, grid: TokenGrid, arrange: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Queries and keys turned by where they stand, with ``arrange`` making rows like theirs."""
        if grid.positions is None:
            return q, k
        head_dims = q.shape[-1] // self.num_heads
        cos, sin = map(arrange, grid.positions.tables(self.grouping.axes, head_dims))
        return turn(q, cos, sin), turn(k, cos, sin)

    def _attend(self, qkv: Tensor, grid: TokenGrid) -> list[Tensor]:
        """(B, C + N, 3 D) to attended groups of queries, each (G, n, D)."""
        q, k, v = qkv.chunk(3, dim=-1)
        q, k = self._turn(q, k, grid, lambda table: table.transpose(0, 1))
        groups = zip(
            self.grouping.queries(q, grid),
            self.grouping.keys(k, grid),
            self.grouping.keys(v, grid),
            strict=True,
        )
        return [self._attend_group(*group) for group in groups]

    def _attend_group(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(G, n, D), (G, m, D), (G, m, D) to (G, n, D)."""
        heads = (
            rearrange(x, 'g n (heads d) -> g heads n d', heads=self.num_heads) for x in (q, k, v)
        )
        return rearrange(self.kernel(*heads), 'g heads n d -> g n (heads d)')

    def _project(self, *attended: Tensor, cheap: Callable[..., Tensor] = _same) -> Tensor:
        """The projection of ``cheap(*attended)``, (..., D), and the extra linear layer's."""
        if self.fc is None:
            return linear_of(cheap, self.proj, *attended)
        if self.training or not is_free():
            return self.fc(linear_of(cheap, self.proj, *attended))
        return self._folded(cheap(*attended), self.proj, self.fc)


def fold_extra_linear(step: AttentionStep) -> None:
    """Let a step's projection do the work of its extra linear layer too, for good."""
    if step.fc is None:
        return
    weight, bias = fold(step.proj, step.fc)
    with torch.no_grad():
        step.proj.weight.copy_(weight)
        step.proj.bias.copy_(bias)
    step.fc = None
