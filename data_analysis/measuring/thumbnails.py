"""Thumbnails of clips, and how far one is from another.

A signature is a grey thumbnail of `THUMBNAIL_HEIGHT` x `THUMBNAIL_WIDTH` pixels of one early frame.
The distance of two signatures ignores brightness and contrast: it is the Euclidean distance after
each is centred and scaled to length 1, so that 0 is the same picture, 0.3 a correlation of 0.955,
and 1.41 none at all.
"""

from __future__ import annotations

import base64

import numpy as np

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
