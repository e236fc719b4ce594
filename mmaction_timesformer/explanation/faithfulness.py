"""Whether a map is true: take away what it calls relevant and see what happens to the score.

Deletion hides patches, the most relevant first; a good map makes the score fall early. Insertion
starts from nothing and shows them in the same order; a good map makes it rise early (Petsiuk et
al. 2018, arXiv 1806.07421). Random maps tell what falls and rises by itself.

Legend: T frames, H/W pixels, h/w patch rows and columns, N = T h w, S points of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""Clips (B, channels, T, H, W) to the score that the map explains, (B,)."""

BATCH_SIZE = 4
"""Clips scored at once."""


@dataclass(frozen=True)
class FaithfulnessCurves:
    """Scores along deletion and insertion.

    Attributes:
        fractions: (S,) share of patches that were deleted or inserted.
        deletion: (S,) scores with the most relevant patches hidden first.
        insertion: (S,) scores with the most relevant patches shown first.
        random_deletion: (R, S) the same for random maps.
        random_insertion: (R, S) the same for random maps.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    def areas(self) -> dict[str, float]:
        """Mean score along each curve; random ones averaged over maps.

        A faithful map has a deletion below, an insertion above that of random maps.
        """
        curves = {
            'deletion': self.deletion,
            'insertion': self.insertion,
            'random_deletion': self.random_deletion.mean(axis=0),
            'random_insertion': self.random_insertion.mean(axis=0),
        }
        return {name: float(np.trapezoid(curve, self.fractions)) for name, curve in curves.items()}


@torch.no_grad()
def faithfulness_curves(
    score: Score,
    clip: Tensor,
    relevance: Tensor,
    num_points: int = 11,
    num_random: int = 3,
    seed: int = 0,
) -> FaithfulnessCurves:
    """Delete and insert patches of one clip, by a map and by random maps.

    A hidden patch has the mean colour of its frame, which is what is left of a frame when nothing
    in it can be told.

    Args:
        score: Of a batch of clips.
        clip: (channels, T, H, W), as the backbone gets it.
        relevance: (T, h, w).
        num_points: S, at least 2.
        num_random: Random maps.
        seed: Of the random maps.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = [relevance.flatten().argsort(descending=True, stable=True).cpu()]
    orders += [torch.randperm(relevance.numel(), generator=generator) for _ in range(num_random)]
    fractions = np.linspace(0, 1, num_points)
    hidden = clip.mean(dim=(2, 3), keepdim=True).expand_as(clip)
    # Every curve runs between the same two clips.
    ends = _scores(score, [clip, hidden])
    curves = []
    for order in orders:
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        for shown_first in (False, True):
            masks = [(rank < round(s * len(order))) == shown_first for s in fractions[1:-1]]
            clips = (torch.where(_pixels(m, clip, relevance), clip, hidden) for m in masks)
            first, last = ends[::-1] if shown_first else ends
            curves.append([first, *_scores(score, clips), last])
    stacked = np.array(curves).reshape(len(orders), 2, num_points)
    return FaithfulnessCurves(
        fractions, stacked[0, 0], stacked[0, 1], stacked[1:, 0], stacked[1:, 1]
    )


def _pixels(shown: Tensor, clip: Tensor, relevance: Tensor) -> Tensor:
    """Patches (N,) to pixels (1, T, H, W)."""
    height, width = clip.shape[2] // relevance.shape[1], clip.shape[3] // relevance.shape[2]
    grid = shown.view(relevance.shape).to(clip.device)
    grid = grid.repeat_interleave(height, dim=1).repeat_interleave(width, dim=2)
    return rearrange(grid, 't h w -> 1 t h w')


def _scores(score: Score, clips: Iterable[Tensor]) -> list[float]:
    values: list[float] = []
    waiting = iter(clips)
    while batch := list(islice(waiting, BATCH_SIZE)):
        values += score(torch.stack(batch)).tolist()
    return values
