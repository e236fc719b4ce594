"""Groupings: which tokens meet in one attention step.

A grouping hands out groups of query tokens and, for each, the key tokens they see; it never
computes. The same calls therefore serve queries, keys, values, and the token numbers that tests
and attention maps need.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, D channels, G groups that
run as one batch, n/m queries and keys of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor

from .token_grid import TokenGrid


class Grouping(Protocol):
    """What an attention step asks of a grouping."""

    updates_cls: bool
    copies_keys: bool

    def queries(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """Groups of queries, each (G, n, D), out of tokens (B, C + N, D)."""

    def keys(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """For each group of queries the keys that they see, (G, m, D)."""

    def merge(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """Put the groups of queries back: (B, C + N, D), or (B, N, D) without class tokens."""


class Partition:
    """Groups of equal size that share no patch, written as an einops pattern.

    The class token joins every group as a copy, and its copies are averaged afterwards; where
    each frame has a class token of its own, that one joins. Or it stays out.

    Args:
        pattern: The patches' regrouping, e.g. ``'b t h w d -> (b t) (h w) d'`` for space.
        with_cls: Whether the class token joins.
    """

    copies_keys = False

    def __init__(self, pattern: str, with_cls: bool = True) -> None:
        self.pattern = pattern
        self.inverse = ' -> '.join(reversed(pattern.split(' -> ')))
        self.updates_cls = with_cls

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
        sizes = {'t': grid.num_frames, 'h': grid.height, 'w': grid.width}
        if not self.updates_cls:
            return rearrange(tokens, self.inverse, **sizes).flatten(1, 3)
        cls, patches = tokens.tensor_split((1,), dim=1)
        patches = rearrange(patches, self.inverse, **sizes)
        cls = rearrange(cls, '(b c g) 1 d -> b c g d', b=patches.shape[0], c=grid.num_cls)
        return grid.join(cls.mean(dim=2), patches)


Region = tuple[slice, slice, slice]
"""A block of the (T, h, w) grid, possibly with strides."""

RegionPairs = Callable[[int, int, int], Sequence[tuple[Region, Region]]]
"""(T, h, w) to pairs of a region of queries and the region of keys that they see."""


class Regions:
    """Pairs of a query region and its key region; the class token is a key of every query.

    The class token itself has no place in the clip: as a query it sees all of it.

    Args:
        pairs: The regions of a grid. The query regions must cover it without overlap.
    """

    updates_cls = True
    copies_keys = True

    def __init__(self, pairs: RegionPairs) -> None:
        self.pairs = pairs

    def queries(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """The class token (B, C, D), then each query region (B, n, D)."""
        cls, patches = grid.split(tokens)
        yield cls
        for region, _ in self.pairs(grid.num_frames, grid.height, grid.width):
            everywhere = (slice(None), *region)
            yield patches[everywhere].flatten(1, 3)

    def keys(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """Every token for the class token; the class token and a region for each other query."""
        cls, patches = grid.split(tokens)
        yield tokens
        for _, region in self.pairs(grid.num_frames, grid.height, grid.width):
            everywhere = (slice(None), *region)
            yield torch.cat((cls, patches[everywhere].flatten(1, 3)), dim=1)

    def merge(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """The class token, then the patches back in (t h w) order."""
        cls, *patches = groups
        order = self._patch_order(grid, cls.device)
        return torch.cat((cls, torch.cat(patches, dim=1).index_select(1, order)), dim=1)

    def _patch_order(self, grid: TokenGrid, device: torch.device) -> Tensor:
        """Where each patch, in (t h w) order, stands among the concatenated query regions."""
        shape = (grid.num_frames, grid.height, grid.width)
        numbers = torch.arange(grid.num_patches, device=device).view(shape)
        return torch.cat([numbers[region].flatten() for region, _ in self.pairs(*shape)]).argsort()
