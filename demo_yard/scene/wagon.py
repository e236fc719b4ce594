"""Freight wagons. Local coordinates, metres: x along the track, y across, z up from the ground.

Details are on the side towards the camera (negative y) only; the other one is never seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demo_yard.scene.arrays import Color
from demo_yard.scene.solids import Solids, box, group

LENGTH = 9.0
RAIL_TOP = 0.16

_PAINTS: tuple[Color, ...] = (
    (132, 62, 46),
    (96, 92, 86),
    (62, 86, 116),
    (74, 98, 74),
    (168, 122, 62),
    (104, 54, 60),
)
_FRAME: Color = (50, 48, 47)


def _underframe() -> list[Solids]:
    parts = [box((-4.3, 4.3), (-1.1, 1.1), (0.85, 1.1), _FRAME)]
    for x in (-3.5, -2.5, 2.5, 3.5):
        parts.append(box((x - 0.42, x + 0.42), (-0.8, 0.8), (RAIL_TOP, 0.9), (58, 52, 48)))
    for x in (-4.6, 4.6):
        for y in (-0.8, 0.8):
            parts.append(box((x - 0.25, x + 0.25), (y - 0.15, y + 0.15), (0.9, 1.1), _FRAME))
    return parts


def _darker(color: Color, factor: float) -> Color:
    red, green, blue = color
    return (red * factor, green * factor, blue * factor)


def _ribs(color: Color, top: float) -> list[Solids]:
    return [
        box((x - 0.07, x + 0.07), (-1.36, -1.3), (1.1, top), _darker(color, 0.72), lift=LENGTH)
        for x in np.linspace(-4.0, 4.0, 7)
    ]


def _boxcar(rng: np.random.Generator, color: Color) -> list[Solids]:
    door = box((-0.9, 0.9), (-1.36, -1.3), (1.15, 3.1), _darker(color, 0.85), lift=LENGTH)
    roof = box((-4.3, 4.3), (-1.35, 1.35), (3.4, 3.7), (128, 126, 122), top=(1.0, 0.6))
    return [box((-4.25, 4.25), (-1.3, 1.3), (1.1, 3.4), color), *_ribs(color, 3.4), door, roof]


def _gondola(rng: np.random.Generator, color: Color) -> list[Solids]:
    load: Color = ((46, 44, 44), (150, 128, 96), (120, 116, 110))[rng.integers(3)]
    heaps = [
        box((x - 1.3, x + 1.3), (-1.15, 1.15), (2.35, 2.9), load, top=(0.35, 0.4))
        for x in (-2.7, 0.0, 2.7)
    ]
    return [box((-4.25, 4.25), (-1.3, 1.3), (1.1, 2.4), color), *_ribs(color, 2.4), *heaps]


def _tank(rng: np.random.Generator, color: Color) -> list[Solids]:
    """An octagonal barrel: three slabs, tapered below and above."""
    paint: Color = ((214, 212, 204), (62, 62, 66), color)[rng.integers(3)]
    lower = box((-4.1, 4.1), (-0.6, 0.6), (1.15, 1.65), paint, top=(1.0, 2.1))
    middle = box((-4.1, 4.1), (-1.26, 1.26), (1.65, 2.6), paint)
    upper = box((-4.1, 4.1), (-1.26, 1.26), (2.6, 3.15), paint, top=(1.0, 0.48))
    dome = box((-0.45, 0.45), (-0.45, 0.45), (3.15, 3.5), _darker(paint, 0.8))
    band = box((-0.3, 0.3), (-1.28, -1.26), (1.65, 2.6), _darker(paint, 0.6), lift=LENGTH)
    return [lower, middle, band, upper, dome]


def _containers(rng: np.random.Generator, color: Color) -> list[Solids]:
    parts = []
    for low, high in ((-4.2, -0.1), (0.1, 4.2)):
        if rng.random() < 0.85:
            paint = _PAINTS[rng.integers(len(_PAINTS))]
            parts.append(box((low, high), (-1.25, 1.25), (1.1, 3.5), paint))
            for x in np.linspace(low + 0.3, high - 0.3, 5):
                parts.append(
                    box(
                        (x - 0.08, x + 0.08),
                        (-1.29, -1.25),
                        (1.2, 3.4),
                        _darker(paint, 0.8),
                        lift=3,
                    )
                )
    return parts


_BUILDERS: tuple[Callable[[np.random.Generator, Color], list[Solids]], ...] = (
    _boxcar,
    _gondola,
    _tank,
    _containers,
)


def sample_wagon(rng: np.random.Generator) -> Solids:
    """Draw a wagon: boxcar, gondola, tank or container flat, in some paint."""
    paint = _PAINTS[rng.integers(len(_PAINTS))]
    build = _BUILDERS[rng.integers(len(_BUILDERS))]
    return group(*_underframe(), *build(rng, paint))
