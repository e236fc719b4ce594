"""Thumbnails of clips: which look the same, and which show the same scene.

A signature is a grey thumbnail of `THUMBNAIL_HEIGHT` x `THUMBNAIL_WIDTH` pixels of one early frame.
The distance of two signatures ignores brightness and contrast: it is the Euclidean distance after
each is centred and scaled to length 1, so that 0 is the same picture, 0.3 a correlation of 0.955,
and 1.41 none at all.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import NearestNeighbors

THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH = 12, 16
_FLAT = 2.0
"""Standard deviation in grey levels under which a picture has no structure to compare."""


def encode_thumbnail(thumbnail: np.ndarray) -> str:
    """Writes a (height, width) uint8 thumbnail as text."""
    return base64.b64encode(np.ascontiguousarray(thumbnail, np.uint8).tobytes()).decode('ascii')


def decode_thumbnail(text: str) -> np.ndarray:
    """Reads a thumbnail of (height, width) grey levels back."""
    levels = np.frombuffer(base64.b64decode(text), np.uint8)
    return levels.reshape(THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH)


def normalized(thumbnails: np.ndarray) -> np.ndarray:
    """Centres thumbnails and scales them to length 1.

    Args:
        thumbnails: (N, height, width) grey levels.

    Returns:
        (N, height * width) float32; a row of NaN where a picture is flat.
    """
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    centred = flat - flat.mean(axis=1, keepdims=True)
    centred[centred.std(axis=1) < _FLAT] = np.nan
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def thumbnail_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two thumbnails, 0 to 2; a flat picture is far from a structured one (1.41)."""
    one, other = normalized(np.stack([first, second]))
    flat = int(np.isnan(one[0])) + int(np.isnan(other[0]))
    if flat:
        return 0.0 if flat == 2 else float(np.sqrt(2))
    return float(np.linalg.norm(one - other))


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
