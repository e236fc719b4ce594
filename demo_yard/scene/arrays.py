"""Array types of the renderer, so that signatures say what is inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Points, vertices, colours in 0..255."""

BoolArray = NDArray[np.bool_]

Image = NDArray[np.uint8]
"""An RGB picture (H, W, 3) or a mask (H, W)."""

Color = tuple[float, float, float]
"""Red, green, blue in 0..255."""
