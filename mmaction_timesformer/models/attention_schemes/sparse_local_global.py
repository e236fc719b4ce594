"""Sparse local-global attention (L+G): a near neighbourhood, then a sparse whole (paper, Sec. 3).

    "first computes a local attention by considering the neighboring F x H/2 x W/2 patches and
    then calculates a sparse global attention over the entire clip using a stride of 2 patches
    along the temporal dimension and also the two spatial dimensions"

What the paper leaves open, and what is done here:

- *Which neighbourhood.* ``window`` (default, the plain reading of "neighboring"): as many rows
  and columns as half the grid, rounded up, around the query, and shifted inward at the borders so
  that every query has the same number of keys. ``quadrant``: the quarter of the grid that the
  query lies in; the same number of keys in far fewer, larger products, but patches on both sides
  of the middle never meet in this step.
- *Which sparse whole.* ``residue`` (default): the patches at an even distance from the query on
  all three axes, its own among them, so that every patch is seen by somebody. ``fixed``: the same
  grid (0, 2, 4, ...) for every query; odd places are then never seen.
- *The class token.* A key of every patch in both steps. As a query it has no place, so it sees the
  whole clip in both steps.
- *Which step is the image ViT's.* Local; global gets the extra, zero-initialised linear layer.
  With it the parameters equal the paper's Table 1.

Every region is computed by itself: nothing is computed and then masked. Odd T, h and w work;
regions then differ in size by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import AttentionStep, Region, Regions
from mmaction_timesformer.registry import ATTENTION_SCHEMES

Pairs = list[tuple[Region, Region]]
EVERYTHING = slice(None)


@ATTENTION_SCHEMES.register_module('sparse_local_global')
class SparseLocalGlobal(AttentionScheme):
    """A local step over T x h/2 x w/2 patches and a global one over every second patch.

    Args:
        local_mode: ``window`` or ``quadrant``.
        global_mode: ``residue`` or ``fixed``.
        step: Options of every step.

    Raises:
        ValueError: Unknown mode.
    """

    def __init__(
        self,
        local_mode: str = 'window',
        global_mode: str = 'residue',
        **step: Any,
    ) -> None:
        super().__init__()
        if local_mode not in LOCAL_MODES:
            raise ValueError(f'local_mode={local_mode!r} is unknown; choose {list(LOCAL_MODES)}')
        if global_mode not in GLOBAL_MODES:
            raise ValueError(f'global_mode={global_mode!r} is unknown; choose {list(GLOBAL_MODES)}')
        self.local = AttentionStep(Regions(LOCAL_MODES[local_mode]), **step)
        setattr(
            self,
            'global',
            AttentionStep(Regions(GLOBAL_MODES[global_mode]), extra_linear=True, **step),
        )


def window(num_frames: int, height: int, width: int) -> Pairs:
    """Queries that share a window, and the window; patches at a border share its window."""
    return [
        ((EVERYTHING, query_rows, query_columns), (EVERYTHING, key_rows, key_columns))
        for (query_rows, key_rows), (query_columns, key_columns) in product(
            _axis_windows(height), _axis_windows(width)
        )
    ]


def quadrant(num_frames: int, height: int, width: int) -> Pairs:
    """The four quarters of the grid, each seeing itself."""
    return _among_themselves(product([EVERYTHING], _halves(height), _halves(width)))


def residue(num_frames: int, height: int, width: int) -> Pairs:
    """The eight classes of patches that are even distances apart, each seeing itself."""
    return _among_themselves(product(_strides(num_frames), _strides(height), _strides(width)))


def fixed(num_frames: int, height: int, width: int) -> Pairs:
    """All patches, seeing every second one of every axis."""
    even = slice(0, None, 2)
    return [((EVERYTHING, EVERYTHING, EVERYTHING), (even, even, even))]


LOCAL_MODES = {'window': window, 'quadrant': quadrant}
GLOBAL_MODES = {'residue': residue, 'fixed': fixed}


def _axis_windows(length: int) -> list[tuple[slice, slice]]:
    """Along one axis: runs of queries, and the window of half the length that each run sees."""
    size = (length + 1) // 2
    last = length - size
    windows = []
    for start in range(last + 1):
        first_query = 0 if start == 0 else start + size // 2
        end_query = length if start == last else start + size // 2 + 1
        windows.append((slice(first_query, end_query), slice(start, start + size)))
    return windows


def _halves(length: int) -> list[slice]:
    middle = (length + 1) // 2
    return [slice(0, middle), slice(middle, length)][: min(length, 2)]


def _strides(length: int) -> list[slice]:
    return [slice(0, None, 2), slice(1, None, 2)][: min(length, 2)]


def _among_themselves(regions: Iterable[Region]) -> Pairs:
    return [(region, region) for region in regions]
