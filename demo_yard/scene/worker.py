"""A worker in hi-vis clothes with walking legs.

Local coordinates, metres: x forward, y to the left, z up, origin on the ground between the feet.
Workers are drawn a little larger than life, so that they can be told at 160x120 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_yard.scene.arrays import Color
from demo_yard.scene.solids import Solids, box, group, turn_about_y, turn_about_z

SCALE = 1.35
STRIDE_METRES = 1.5
"""Ground covered by one full cycle of both legs."""
HIP_HEIGHT = 0.92
SHOULDER_HEIGHT = 1.42

VESTS: tuple[Color, ...] = ((255, 100, 20), (255, 84, 40), (255, 70, 62))
TROUSERS: tuple[Color, ...] = ((46, 54, 84), (62, 62, 66), (226, 92, 26), (74, 66, 54))
HELMETS: tuple[Color, ...] = ((244, 244, 240), (250, 214, 40), (60, 110, 200), (214, 50, 44))


@dataclass(frozen=True)
class WorkerPose:
    """Where a worker is and what the legs do.

    Args:
        x: Stage position, metres; likewise `y`.
        y: See `x`.
        heading: Direction of the face, radians.
        travelled: Distance walked so far, metres; moves the legs.
        effort: 0 standing, 1 walking.
        gesture: How far an arm is raised, radians.
    """

    x: float
    y: float
    heading: float
    travelled: float
    effort: float
    gesture: float


class Worker:
    """Somebody in certain clothes.

    Args:
        vest: RGB in 0..255; likewise `trousers` and `helmet`.
        trousers: See `vest`.
        helmet: See `vest`.
    """

    def __init__(self, vest: Color, trousers: Color, helmet: Color) -> None:
        self._leg = group(
            box((-0.09, 0.09), (-0.09, 0.09), (-0.82, 0.0), trousers, top=(1.2, 1.2)),
            box((-0.1, 0.17), (-0.09, 0.09), (-0.92, -0.8), (38, 34, 32)),
        )
        self._arm = group(
            box((-0.08, 0.08), (-0.07, 0.07), (-0.5, 0.05), vest),
            box((-0.07, 0.07), (-0.06, 0.06), (-0.62, -0.5), (206, 160, 130)),
        )
        self._body = group(
            box((-0.14, 0.14), (-0.21, 0.21), (0.84, 1.12), vest, top=(1.05, 1.06)),
            box((-0.16, 0.16), (-0.235, 0.235), (1.12, 1.21), (236, 238, 228)),
            box((-0.15, 0.15), (-0.225, 0.225), (1.21, 1.46), vest, top=(0.85, 0.9)),
            box((-0.1, 0.1), (-0.1, 0.1), (1.47, 1.68), (206, 160, 130)),
            box((-0.15, 0.17), (-0.14, 0.14), (1.64, 1.82), helmet, top=(0.6, 0.65)),
        )

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Worker:
        """Draw a worker's clothes."""
        return cls(*(options[rng.integers(len(options))] for options in (VESTS, TROUSERS, HELMETS)))

    def solids(self, pose: WorkerPose) -> Solids:
        """The worker in stage coordinates."""
        swing = pose.effort * np.sin(2 * np.pi * pose.travelled / STRIDE_METRES)
        limbs = []
        for side in (-1.0, 1.0):
            leg = turn_about_y(side * 0.62 * swing)
            limbs.append(self._leg.moved(leg, (0.0, side * 0.11, HIP_HEIGHT)))
            raised = pose.gesture if side > 0 else 0.0
            arm = turn_about_y(-side * 0.55 * swing + raised)
            limbs.append(self._arm.moved(arm, (0.0, side * 0.29, SHOULDER_HEIGHT)))
        bob = 0.04 * abs(swing)
        upright = group(self._body, *limbs).moved(np.eye(3) * SCALE, (0.0, 0.0, -bob))
        return upright.moved(turn_about_z(pose.heading), (pose.x, pose.y, 0.0))
