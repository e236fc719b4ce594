"""Choosing old clips to show again: those whose mean is that of all (iCaRL, arXiv 1611.07725).

Legend: N clips, F features.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def herd(features: np.ndarray, count: int) -> list[int]:
    """Choose clips one by one so that the mean of the chosen stays nearest to the mean of all.

    Args:
        features: (N, F).
        count: How many at most.

    Returns:
        Numbers of clips, the most typical first.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    rows = features / np.where(lengths == 0, 1, lengths)
    mean, total = rows.mean(axis=0), np.zeros(rows.shape[1])
    chosen: list[int] = []
    free = np.ones(len(rows), dtype=bool)
    while free.any() and len(chosen) < count:
        distances = np.linalg.norm(mean - (total + rows) / (len(chosen) + 1), axis=1)
        best = int(np.where(free, distances, np.inf).argmin())
        chosen.append(best)
        free[best] = False
        total = total + rows[best]
    return chosen


def herd_groups(features: np.ndarray, groups: Sequence[Hashable], count: int) -> list[int]:
    """Herd within each group, such as a class seen by a camera; numbers in rising order."""
    rows: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        rows.setdefault(group, []).append(number)
    chosen = [
        numbers[place] for numbers in rows.values() for place in herd(features[numbers], count)
    ]
    return sorted(chosen)
