"""Clip features in the plane, and whether neighbours are of one class or of one recording.

Legend: N clips, D channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

PERPLEXITY = 30.0
MOST_COMPONENTS = 50
"""Directions that t-SNE is given, as its authors do."""


def project(features: np.ndarray, seed: int = 0) -> tuple[dict[str, np.ndarray], float]:
    """Lay features into the plane.

    Args:
        features: (N, D).
        seed: Of t-SNE.

    Returns:
        (N, 2) places by method, each in [0, 1]; and the share of the variance that PCA's plane has.

    Raises:
        ValueError: There are fewer than three clips.
    """
    if len(features) < 3:
        raise ValueError(f'{len(features)} clips are too few to lay into a plane; take 3 or more')
    scaled = StandardScaler().fit_transform(features)
    pca = PCA(min(MOST_COMPONENTS, *scaled.shape), random_state=seed)
    reduced = pca.fit_transform(scaled)
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init='pca', random_state=seed).fit_transform(reduced)
    places = {'t-SNE': _into_unit_square(tsne), 'PCA': _into_unit_square(reduced[:, :2])}
    return places, float(pca.explained_variance_ratio_[:2].sum())


def neighbour_agreement(
    features: np.ndarray,
    classes: Sequence[str],
    recordings: Sequence[str | None],
    asked: np.ndarray,
) -> tuple[float, float | None]:
    """Shares of clips whose nearest neighbour is alike.

    Args:
        features: (N, D).
        classes: N names.
        recordings: N names, or None.
        asked: (N,) booleans: clips that are asked for their neighbour. Those that the model was
            trained on say little.

    Returns:
        Of clips whose nearest neighbour in another recording has their class; and of clips whose
        nearest neighbour of all is of their own recording, None where no recordings are known.
    """
    scaled = StandardScaler().fit_transform(features)
    order = (
        NearestNeighbors(n_neighbors=len(scaled) - 1).fit(scaled).kneighbors(return_distance=False)
    )
    names = np.array(classes)
    known = any(name is not None for name in recordings)
    groups = np.array(
        [f'#{row}' if name is None else name for row, name in enumerate(recordings)], dtype=object
    )
    same_class = []
    for row, nearest in zip(np.flatnonzero(asked), order[asked], strict=True):
        elsewhere = nearest[groups[nearest] != groups[row]]
        if len(elsewhere):
            same_class.append(names[elsewhere[0]] == names[row])
    share = float(np.mean(same_class)) if same_class else float('nan')
    return share, float((groups[order[:, 0]] == groups)[asked].mean()) if known else None


def _into_unit_square(places: np.ndarray) -> np.ndarray:
    if places.shape[1] == 1:
        places = np.concatenate((places, np.zeros_like(places)), axis=1)
    low, span = places.min(axis=0), np.ptp(places, axis=0)
    return (places - low) / np.where(span > 0, span, 1)
