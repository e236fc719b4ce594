"""Clips that look alike: each one's nearest, and chains of them that are one scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import NearestNeighbors

from data_analysis.measuring.thumbnails import (
    THUMBNAIL_HEIGHT,
    THUMBNAIL_WIDTH,
    decode_thumbnail,
    normalized,
)


def signature_matrix(signatures: Sequence[str] | pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Stacks the signatures of those clips that have a usable one.

    Returns:
        Normalised signatures (M, height * width), and the positions (M,) they had in the input.
    """
    positions = [index for index, text in enumerate(signatures) if isinstance(text, str) and text]
    if not positions:
        return np.zeros((0, THUMBNAIL_HEIGHT * THUMBNAIL_WIDTH), np.float32), np.zeros(0, int)
    texts = list(signatures)
    matrix = normalized(np.stack([decode_thumbnail(texts[index]) for index in positions]))
    usable = ~np.isnan(matrix[:, 0])
    return matrix[usable], np.asarray(positions)[usable]


def nearest(queries: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds each query's nearest reference.

    Returns:
        Distances (Q,) and positions (Q,) in the references.
    """
    search = NearestNeighbors(n_neighbors=1, algorithm='brute').fit(references)
    distances, indices = search.kneighbors(queries)
    return distances[:, 0], indices[:, 0]


def find_scenes(signatures: Sequence[str] | pd.Series, distance: float) -> np.ndarray:
    """Groups clips that are linked by a chain of look-alikes (single linkage).

    Args:
        signatures: One text a clip; clips without a usable one are scenes of their own.
        distance: Clips nearer than this are linked.

    Returns:
        (N,) scene numbers from 0, in order of first appearance. Memory grows with N, not its
        square.
    """
    matrix, positions = signature_matrix(signatures)
    scenes = -np.ones(len(signatures), int)
    if len(matrix):
        distinct, inverse = np.unique(matrix, axis=0, return_inverse=True)
        scenes[positions] = _single_linkage(distinct, distance)[inverse]
    lonely = scenes < 0
    scenes[lonely] = scenes.max(initial=-1) + 1 + np.arange(lonely.sum())
    return pd.factorize(scenes)[0]


def _single_linkage(points: np.ndarray, distance: float) -> np.ndarray:
    if len(points) < 2:
        return np.zeros(len(points), int)
    clustering = AgglomerativeClustering(
        n_clusters=None, distance_threshold=distance, linkage='single'
    )
    return clustering.fit_predict(points)
