"""Groupings: which tokens meet in one attention step.

A grouping says twice which tokens meet. ``queries``, ``keys`` and ``merge`` are the definition:
they hand out groups of query tokens and, for each, the key tokens that they see, and never
compute; the token numbers that tests and attention maps need go the same way as queries, keys and
values. ``attend`` gives the same result out of views, without making the groups.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w, D channels,
G groups, n/m queries and keys of a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor

from mmaction_timesformer.models.layers.processor import (
    add_key,
    attend,
    attend_in_part,
    can_attend_in_parts,
)
from mmaction_timesformer.models.layers.token_grid import TokenGrid

FEW_COPIES = 0.02
"""Copies of class tokens, a patch, below which a product with them costs less than copying."""


class Grouping(Protocol):
    """Contract of a grouping."""

    updates_cls: bool
    copies_keys: bool
    axes: str
    """Those of ``t``, ``h`` and ``w`` along which the members of a group differ."""

    def queries(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """Groups of queries, each (G, n, D), out of tokens (B, C + N, D)."""

    def keys(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """For each group of queries the keys that they see, (G, m, D)."""

    def merge(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """Put the groups of queries back: (B, C + N, D), or (B, N, D) without class tokens."""

    def can_attend(self, tokens: Tensor) -> bool:
        """Whether :meth:`attend` works with tokens of this kind, here and now."""

    def prepare(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        """Arrange (C + N, B, D) for the linear layer in front of :meth:`attend`."""

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, grid: TokenGrid, num_heads: int
    ) -> tuple[Tensor, ...]:
        """Attention inside the groups, out of linear images of :meth:`prepare`'s result."""

    def put_back(self, attended: Sequence[Tensor], grid: TokenGrid) -> tuple[Tensor | None, Tensor]:
        """Linear images of :meth:`attend`'s results to (C, B, D) or None, and (T, h, w, B, D)."""


class Partition:
    """Groups of equal size that share no patch, written as an einops pattern.

    The class token joins every group as a copy, and its copies are averaged afterwards; where
    each frame has a class token of its own, that one joins. Or it stays out.

    Without copies, groups are a view (L, n, R, D) of the tokens: axes of the grid and the batch
    that stand outside of the members, the members, and the axes inside.

    Args:
        pattern: The patches' regrouping, e.g. ``'b t h w d -> (b t) (h w) d'`` for space.
        with_cls: Whether the class token joins.

    Raises:
        ValueError: The pattern is not ``b t h w d`` to groups, members and channels.
    """

    copies_keys = False

    def __init__(self, pattern: str, with_cls: bool = True) -> None:
        self.pattern = pattern
        self.inverse = ' -> '.join(reversed(pattern.split(' -> ')))
        self.updates_cls = with_cls
        parts = [re.findall(r'\w+', part) for part in re.findall(r'\([^)]*\)|\w+', self.inverse)]
        if len(parts) != 8 or parts[2:] != [['d'], ['b'], ['t'], ['h'], ['w'], ['d']]:
            raise ValueError(
                f"pattern={pattern!r} is not of the form 'b t h w d -> (groups) (members) d'"
            )
        members = parts[1]
        self.axes = ''.join(sorted(members, key='thwb'.index))
        axes = [axis for axis in 'thwb' if axis not in members]
        first = min('thwb'.index(axis) for axis in members)
        left = ' '.join(axis for axis in axes if 'thwb'.index(axis) < first)
        right = ' '.join(axis for axis in axes if 'thwb'.index(axis) > first)
        self._members = members
        self._arranged = f'({left}) ({" ".join(self.axes)}) ({right}) d'
        self._copied = f'({left}) c ({right}) d'
        self._axes = axes

    def queries(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """All groups at once, (G, n, D); the class token, if it joins, comes first."""
        cls, patches = grid.split(tokens)
        groups = rearrange(patches, self.pattern)
        if self.updates_cls:
            copies = groups.shape[0] // (cls.shape[0] * cls.shape[1])
            cls = cls.unsqueeze(2).expand(-1, -1, copies, -1)
            groups = torch.cat((rearrange(cls, 'b c g d -> (b c g) 1 d'), groups), dim=1)
        yield groups

    keys = queries

    def merge(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """The inverse of :meth:`queries`, the class token's copies averaged."""
        (tokens,) = groups
        sizes = self._sizes(grid, 'thw')
        if not self.updates_cls:
            return rearrange(tokens, self.inverse, **sizes).flatten(1, 3)
        cls, patches = tokens.tensor_split((1,), dim=1)
        patches = rearrange(patches, self.inverse, **sizes)
        cls = rearrange(cls, '(b c g) 1 d -> b c g d', b=patches.shape[0], c=grid.num_cls)
        return grid.join(cls.mean(dim=2), patches)

    def can_attend(self, tokens: Tensor) -> bool:
        """Always."""
        return True

    def prepare(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        """Add the class token's copies, (L, 1 + n, R, D), or leave (C + N, B, D) as it is."""
        return self._with_copies(rows, grid) if self._copies_first(grid) else rows

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, grid: TokenGrid, num_heads: int
    ) -> tuple[Tensor, ...]:
        """Patches with the class token's copies, or patches and then class tokens."""
        if self._copies_first(grid):
            return (attend_groups(q, k, v, num_heads),)
        groups = [self._arrange(x, grid) for x in (q, k, v)]
        if not self.updates_cls:
            return (attend_groups(groups[0], groups[1], groups[2], num_heads),)
        copies = [self._copies(x, grid) for x in (q, k, v)]
        if can_attend_in_parts(q):
            patches, cls = _attend_with_copies(groups, copies, num_heads)
        else:
            q, k, v = (torch.cat((copies[i], groups[i]), dim=1) for i in range(3))
            cls, patches = attend_groups(q, k, v, num_heads).tensor_split((1,), dim=1)
        return patches, self._average(cls, grid)

    def put_back(self, attended: Sequence[Tensor], grid: TokenGrid) -> tuple[Tensor | None, Tensor]:
        """Class tokens (C, B, D), if they joined, and patches (T, h, w, B, D)."""
        patches, *others = attended
        cls = others[0] if others else None
        if self._copies_first(grid):
            cls, patches = patches.tensor_split((1,), dim=1)
            cls = self._average(cls, grid)
        sizes = self._sizes(grid, 'thw')
        return cls, rearrange(patches, f'{self._arranged} -> t h w b d', **sizes)

    def _copies_first(self, grid: TokenGrid) -> bool:
        """Whether the class token is copied in front of the linear layer.

        Copying and a linear layer commute. Before it there is one tensor to copy, behind it are
        three; but each copy is another row of the product.
        """
        if not self.updates_cls:
            return False
        size = self._sizes(grid, 'thw')
        num_groups = grid.num_patches
        for axis in self._members:
            num_groups //= size[axis]
        return num_groups - grid.num_cls <= FEW_COPIES * grid.num_patches

    def _arrange(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        """Patches of (C + N, B, D) as groups (L, n, R, D); a view where members lie together."""
        return rearrange(grid.split_rows(rows)[1], f't h w b d -> {self._arranged}')

    def _copies(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        """Class tokens of (C + N, B, D), a copy for each group: (L, 1, R, D)."""
        cls = rows[: grid.num_cls]
        if grid.num_cls > 1:
            sizes = self._sizes(grid, set(self._axes) - {'t', 'b'})
            return repeat(cls, f't b d -> {self._copied}', c=1, **sizes)
        sizes = self._sizes(grid, set(self._axes) - {'b'})
        return repeat(cls, f'c b d -> {self._copied}', **sizes)

    def _with_copies(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        if len(self._members) == 3 and grid.num_cls == 1:
            return rows.unsqueeze(0)  # One group: the class token stands before it already.
        return torch.cat((self._copies(rows, grid), self._arrange(rows, grid)), dim=1)

    def _average(self, copies: Tensor, grid: TokenGrid) -> Tensor:
        """The inverse of :meth:`_copies`: (L, 1, R, D) to (C, B, D)."""
        sizes = self._sizes(grid, set(self._axes) - {'b'})
        kept = 't b d' if grid.num_cls > 1 else 'c b d'
        return reduce(copies, f'{self._copied} -> {kept}', 'mean', **sizes)

    @staticmethod
    def _sizes(grid: TokenGrid, axes: str | set[str]) -> dict[str, int]:
        sizes = dict(zip('thw', grid.shape, strict=True))
        return {axis: sizes[axis] for axis in axes}


def attend_groups(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """Attention inside groups: (L, n, R, D), (L, m, R, D), (L, m, R, D) to (L, n, R, D)."""
    return from_heads(attend(*(to_heads(x, num_heads) for x in (q, k, v))), num_heads)


def to_heads(groups: Tensor, num_heads: int) -> Tensor:
    """(L, n, R, D) to (L, R heads, n, d), a view."""
    return rearrange(groups, 'l n r (heads d) -> l (r heads) n d', heads=num_heads)


def from_heads(attended: Tensor, num_heads: int) -> Tensor:
    """The inverse of :func:`to_heads`; a view of what the fused kernel gives."""
    return rearrange(attended, 'l (r heads) n d -> l n r (heads d)', heads=num_heads)


def _attend_with_copies(
    groups: Sequence[Tensor], copies: Sequence[Tensor], num_heads: int
) -> tuple[Tensor, Tensor]:
    """Attention among patches (L, n, R, D) and a class token (L, 1, R, D), which are not joined.

    The softmax over both is made of two parts: the patches', and the class token's weight.
    """
    patches, logsumexp = attend_in_part(*(to_heads(x, num_heads) for x in groups))
    q, k, v = (x.unflatten(-1, (num_heads, -1)) for x in groups)
    cls_q, cls_k, cls_v = (x.unflatten(-1, (num_heads, -1)) for x in copies)
    logsumexp = rearrange(logsumexp, 'l (r heads) n -> l n r heads', heads=num_heads)
    patches = from_heads(patches, num_heads).unflatten(-1, (num_heads, -1))
    patches = add_key(patches, logsumexp, q, cls_k, cls_v)
    # The class token itself: few products, which are no matter for the fused kernel.
    scores = torch.cat([(cls_q * x).sum(dim=-1) for x in (cls_k, k)], dim=1)
    weights = (scores * q.shape[-1] ** -0.5).softmax(dim=1).unsqueeze(-1)
    own, others = weights.tensor_split((1,), dim=1)
    cls = own * cls_v + (others * v).sum(dim=1, keepdim=True)
    return patches.flatten(-2), cls.flatten(-2)
