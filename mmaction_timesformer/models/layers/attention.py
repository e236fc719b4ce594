"""One attention step: multi-head self-attention inside the groups of a grouping.

A step returns the *update* of the tokens, not the tokens: a scheme decides whether its steps
follow each other or read the same input (paper, Sec. 3, Eq. 5-8).

Legend: B batch, C class tokens, N patches, D channels, G groups, n/m queries and keys of a group.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .grouping import Grouping
from .kernel import AttentionKernel, attend
from .linear import FoldedLinear, Linear
from .recompute import linear_of
from .token_grid import TokenGrid


class AttentionStep(nn.Module):
    """LayerNorm, self-attention inside groups, projection, and an extra linear layer.

    Args:
        grouping: Which tokens meet.
        embed_dims: D.
        num_heads: Attention heads.
        extra_linear: Whether a zero-initialised D x D layer follows the projection. Steps that an
            image ViT lacks have it, so that a network with copied weights starts as that ViT
            (paper, Sec. 4).
        drop_path_rate: Chance to leave the step out for a clip, in training.

    Attributes:
        kernel: Attention of one batch of groups. Replace it to look at attention maps.
    """

    def __init__(
        self,
        grouping: Grouping,
        embed_dims: int,
        num_heads: int,
        extra_linear: bool = False,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.grouping = grouping
        self.num_heads = num_heads
        self.kernel: AttentionKernel = attend
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self.qkv = Linear(embed_dims, 3 * embed_dims)
        self.proj = Linear(embed_dims, embed_dims)
        self.fc = Linear(embed_dims, embed_dims) if extra_linear else None
        self._folded = FoldedLinear()
        self.drop_path = DropPath(drop_path_rate)

    def train(self, mode: bool = True) -> AttentionStep:
        """Switch mode; weights may have been written since, as an EMA hook does."""
        self._folded.clear()
        return super().train(mode)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + N, D) to their update, of the same shape; zero where none is made."""
        qkv = linear_of(self.norm, self.qkv, tokens)
        if self.grouping.copies_keys and torch.is_grad_enabled():
            # Overlapping groups copy a token many times; only the original is worth keeping.
            groups = checkpoint(self._attend, qkv, grid, use_reentrant=False)
        else:
            groups = self._attend(qkv, grid)
        update = self.drop_path(self._project(groups, grid))
        if not self.grouping.updates_cls:
            nothing = update.new_zeros(update.shape[0], grid.num_cls, update.shape[2])
            update = torch.cat((nothing, update), dim=1)
        return update

    def _attend(self, qkv: Tensor, grid: TokenGrid) -> list[Tensor]:
        """(B, C + N, 3 D) to attended groups of queries, each (G, n, D)."""
        q, k, v = qkv.chunk(3, dim=-1)
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

    def _project(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """Groups put back and projected: (B, C + N, D), or (B, N, D) without class tokens."""

        def merge(*parts: Tensor) -> Tensor:
            return self.grouping.merge(parts, grid)

        if self.fc is None:
            return linear_of(merge, self.proj, *groups)
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self.fc(linear_of(merge, self.proj, *groups))
        return self._folded(merge(*groups), self.proj, self.fc)
