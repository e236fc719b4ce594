"""Labels dealt out anew, to see how well chance alone would do.

Clips of one recording share label, length and looks, so they are no independent cases: whole
recordings take over each other's labels. Shuffled one by one, clips would make an accident of a few
recordings look significant.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd


def independent_units(recordings: pd.Series) -> np.ndarray:
    """(N,) numbers: clips of a recording share one, a clip of an unknown recording has its own."""
    known = pd.factorize(recordings)[0]
    return pd.factorize(np.where(recordings != '', known, len(known) + np.arange(len(known))))[0]


def shuffled_labels(
    labels: np.ndarray, units: np.ndarray, number: int, seed: int
) -> Iterator[np.ndarray]:
    """Gives each unit the labels of another, in any order, repeated or cut to its own length.

    Args:
        labels: (N,) labels.
        units: (N,) numbers from 0 of what is independent; where each clip is one, the labels are
            merely permuted.
        number: How often.
        seed: The same seed gives the same labels.

    Yields:
        (N,) labels.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(units)
    starts = np.cumsum(sizes) - sizes
    order = np.argsort(units, kind='stable')
    unit = units[order]
    place_in_unit = np.arange(len(units)) - starts[unit]
    for _ in range(number):
        giver = rng.permutation(len(sizes))[unit]
        given = np.lexsort((rng.random(len(units)), units))  # by unit, in any order within
        shuffled = np.empty_like(labels)
        shuffled[order] = labels[given[starts[giver] + place_in_unit % sizes[giver]]]
        yield shuffled
