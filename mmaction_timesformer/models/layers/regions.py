"""Pairs of regions: queries in one block of the grid see the keys in another.

Legend: as in :mod:`.grouping`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.models.layers.grouping import attend_groups, from_heads, to_heads
from mmaction_timesformer.models.layers.processor import (
    add_key,
    attend_in_part,
    can_attend_in_parts,
)
from mmaction_timesformer.models.layers.token_grid import TokenGrid

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
    axes = 'thw'

    def __init__(self, pairs: RegionPairs) -> None:
        self.pairs = pairs

    def queries(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """The class token (B, C, D), then each query region (B, n, D).

        Regions of one size that see themselves alone are one batch of them, (B G, n, D).
        """
        cls, patches = grid.split(tokens)
        yield cls
        if num_groups := self._num_alike(grid):
            yield self._group(patches, grid, num_groups)
            return
        for region, _ in self.pairs(*grid.shape):
            everywhere = (slice(None), *region)
            yield patches[everywhere].flatten(1, 3)

    def keys(self, tokens: Tensor, grid: TokenGrid) -> Iterator[Tensor]:
        """Every token for the class token; the class token and a region for each other query."""
        cls, patches = grid.split(tokens)
        yield tokens
        if num_groups := self._num_alike(grid):
            copies = cls.unsqueeze(1).expand(-1, num_groups, -1, -1).flatten(0, 1)
            yield torch.cat((copies, self._group(patches, grid, num_groups)), dim=1)
            return
        for _, region in self.pairs(*grid.shape):
            everywhere = (slice(None), *region)
            yield torch.cat((cls, patches[everywhere].flatten(1, 3)), dim=1)

    def merge(self, groups: Sequence[Tensor], grid: TokenGrid) -> Tensor:
        """The class token, then the patches back in (t h w) order."""
        cls, *patches = groups
        together = [part.reshape(cls.shape[0], -1, part.shape[-1]) for part in patches]
        places = np.concatenate(_places(self.pairs, grid.shape)).argsort()
        order = torch.from_numpy(places).to(cls.device)
        return torch.cat((cls, torch.cat(together, dim=1).index_select(1, order)), dim=1)

    def can_attend(self, tokens: Tensor) -> bool:
        """Where the class token can be added to what was attended without it."""
        return can_attend_in_parts(tokens)

    def prepare(self, rows: Tensor, grid: TokenGrid) -> Tensor:
        """(C + N, B, D) as it is."""
        return rows

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, grid: TokenGrid, num_heads: int
    ) -> tuple[Tensor, ...]:
        """Patches (N, B, D) and class tokens (C, B, D)."""
        heads = (num_heads, q.shape[-1] // num_heads)
        (cls_q, q_grid), (cls_k, k_grid), (cls_v, v_grid) = map(grid.split_rows, (q, k, v))
        attended = torch.empty_like(q_grid).contiguous()
        logsumexp = q.new_empty(*q_grid.shape[:-1], num_heads, dtype=torch.float32)
        for region, keys, values in self._cut(k_grid, v_grid, grid):
            queries = q_grid[region]
            part = [to_heads(x.flatten(0, 2)[None], num_heads) for x in (queries, keys, values)]
            out, lse = attend_in_part(*part)
            attended[region] = from_heads(out, num_heads).view(queries.shape)
            logsumexp[region] = lse.permute(2, 0, 1).reshape(*queries.shape[:-1], num_heads)
        add_key(
            attended.unflatten(-1, heads),
            logsumexp,
            q_grid.unflatten(-1, heads),
            cls_k.unflatten(-1, heads),
            cls_v.unflatten(-1, heads),
        )
        cls = attend_groups(cls_q[None], k[None], v[None], num_heads)[0]
        return attended.flatten(0, 2), cls

    def put_back(self, attended: Sequence[Tensor], grid: TokenGrid) -> tuple[Tensor | None, Tensor]:
        """Class tokens (C, B, D) and patches (T, h, w, B, D)."""
        patches, cls = attended
        return cls, patches.unflatten(0, grid.shape)

    def _cut(
        self, keys: Tensor, values: Tensor, grid: TokenGrid
    ) -> Iterator[tuple[Region, Tensor, Tensor]]:
        """Each query region with its keys and values, (t, h, w, B, D) in any order of patches.

        Windows that share their columns overlap in rows: the columns are copied once, row by row,
        and each window is a view of them.
        """
        by_columns: dict[tuple, list[tuple[Region, Region]]] = {}
        for pair in self.pairs(*grid.shape):
            times, _, columns = pair[1]
            by_columns.setdefault((str(times), str(columns)), []).append(pair)
        for pairs in by_columns.values():
            times, rows, columns = pairs[0][1]
            bands = [x[times, :, columns].transpose(0, 1) for x in (keys, values)]
            if len(pairs) > 1 and rows.step in (None, 1):
                bands = [band.contiguous() for band in bands]
            for region, (_, rows, _) in pairs:
                yield region, bands[0][rows], bands[1][rows]

    def _num_alike(self, grid: TokenGrid) -> int:
        """How many regions there are, where all have one size and see themselves; otherwise 0."""
        pairs = self.pairs(*grid.shape)
        sizes = {len(places) for places in _places(self.pairs, grid.shape)}
        is_alike = len(sizes) == 1 and all(region == keys for region, keys in pairs)
        return len(pairs) if is_alike else 0

    def _group(self, patches: Tensor, grid: TokenGrid, num_groups: int) -> Tensor:
        """(B, T, h, w, D) to all regions of one size, (B G, n, D)."""
        places = np.concatenate(_places(self.pairs, grid.shape))
        order = torch.from_numpy(places).to(patches.device)
        rows = patches.flatten(1, 3).index_select(1, order)
        return rows.unflatten(1, (num_groups, -1)).flatten(0, 1)


def _places(pairs: RegionPairs, shape: tuple[int, int, int]) -> list[np.ndarray]:
    """The numbers of the patches of each query region."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    return [numbers[region].ravel() for region, _ in pairs(*shape)]
