"""Everything that stands in the yard is made of hexahedra: six-faced solids of eight corners.

One shape keeps the renderer small and lets numpy project, cull and shade a whole scene at once.

Legend: S solids, 8 corners (four below, four above, each counter-clockwise seen from above).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo_yard.scene.arrays import BoolArray, Color, FloatArray

FACES = np.array(
    [
        (0, 3, 2, 1),  # below
        (4, 5, 6, 7),  # above
        (0, 1, 5, 4),
        (1, 2, 6, 5),
        (2, 3, 7, 6),
        (3, 0, 4, 7),
    ]
)
"""Corner indices of the faces, counter-clockwise seen from outside."""

_UNIT_CORNERS = np.array(
    [
        [x, y, z]
        for z in (-0.5, 0.5)
        for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    ]
)


@dataclass(frozen=True)
class Solids:
    """A group of solids.

    Args:
        corners: (S, 8, 3), metres.
        colors: (S, 3), RGB in 0..255.
        lifts: (S,), metres by which each is drawn as if it were nearer: details on a large solid.
    """

    corners: FloatArray
    colors: FloatArray
    lifts: FloatArray

    def __len__(self) -> int:
        return len(self.corners)

    def moved(self, rotation: FloatArray, shift: Sequence[float] | FloatArray) -> Solids:
        """The same solids turned by `rotation` (3, 3) about the origin, then shifted."""
        return Solids(self.corners @ rotation.T + np.asarray(shift), self.colors, self.lifts)

    def only(self, chosen: BoolArray) -> Solids:
        """The solids for which `chosen` (S,) holds."""
        return Solids(self.corners[chosen], self.colors[chosen], self.lifts[chosen])

    def mirrored(self) -> Solids:
        """The left-handed twin (y to -y); corners are reordered so that faces look outward."""
        corners = self.corners[:, [3, 2, 1, 0, 7, 6, 5, 4]] * np.array([1.0, -1.0, 1.0])
        return Solids(corners, self.colors, self.lifts)


def group(*parts: Solids) -> Solids:
    """Several groups as one."""
    return Solids(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.colors for part in parts]),
        np.concatenate([part.lifts for part in parts]),
    )


def box(
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    color: Color,
    top: tuple[float, float] = (1.0, 1.0),
    lift: float = 0.0,
) -> Solids:
    """An upright box between the given bounds.

    Args:
        x: Lower and upper bound, metres; likewise `y` and `z`.
        y: See `x`.
        z: See `x`.
        color: RGB in 0..255.
        top: Size of the upper face over the lower one, along x and y: below 1 tapers.
        lift: See `Solids.lifts`.
    """
    low, high = np.array([x, y, z]).T
    corners = _UNIT_CORNERS.copy()
    corners[4:, :2] *= top
    placed = corners * (high - low) + (low + high) / 2
    return Solids(placed[None], np.array([color], float), np.array([lift]))


def beam(
    start: Sequence[float] | FloatArray,
    end: Sequence[float] | FloatArray,
    width: float,
    thickness: tuple[float, float],
    color: Color,
) -> Solids:
    """A bar from `start` to `end`, in a vertical plane along x (booms, sticks, cylinders).

    Args:
        start: (x, y, z), metres.
        end: (x, y, z), metres; y is taken from `start`.
        width: Extent along y, metres.
        thickness: Across the bar in the vertical plane, at its start and its end, metres.
        color: RGB in 0..255.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    along = end - start
    normal = np.array([-along[2], 0.0, along[0]]) / max(float(np.hypot(along[0], along[2])), 1e-6)
    side = np.array([0.0, width / 2, 0.0])
    corners: list[FloatArray] = []
    for sign in (-1.0, 1.0):
        first = start + sign * normal * thickness[0] / 2
        last = start + along * [1, 0, 1] + sign * normal * thickness[1] / 2
        corners += [first - side, last - side, last + side, first + side]
    return Solids(np.array([corners]), np.array([color], float), np.zeros(1))


def turn_about_z(radians: float) -> FloatArray:
    """Rotation matrix (3, 3) of a yaw, counter-clockwise seen from above."""
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def turn_about_y(radians: float) -> FloatArray:
    """Rotation matrix (3, 3) that swings +x towards +z (a limb raised forward)."""
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
