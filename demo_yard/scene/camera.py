"""The surveillance camera of a recording: projection of the yard, and the mast's shake.

Stage coordinates, in metres: x to the camera's right, y away from it along the ground, z up;
the origin lies on the ground in the middle of the picture, where things happen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from demo_yard.scene.arrays import FloatArray

AIM_HEIGHT_METRES = 0.9


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on a mast.

    Args:
        position: Where it stands (x, y, z), metres.
        aim: The stage point that falls on the middle of the picture, metres.
        roll_radians: Turn about the viewing axis.
        focal_pixels: Focal length in pixels of the picture it renders.
        width: Picture width in pixels.
        height: Picture height in pixels.
    """

    position: tuple[float, float, float]
    aim: tuple[float, float, float]
    roll_radians: float
    focal_pixels: float
    width: int
    height: int

    @classmethod
    def sample(cls, rng: np.random.Generator, width: int, height: int) -> Camera:
        """Draw a recording's camera; the stage fills the picture whatever its distance."""
        distance = rng.uniform(15.0, 18.0)
        visible_width = rng.uniform(11.4, 12.2)
        position = (rng.uniform(-1.0, 1.0), -distance, rng.uniform(8.0, 9.5))
        aim = (rng.uniform(-0.2, 0.2), rng.uniform(0.0, 0.4), AIM_HEIGHT_METRES)
        reach = float(np.linalg.norm(np.subtract(position, aim)))
        focal = width * reach / (visible_width * max(1.0, width / height / (4 / 3)))
        return cls(position, aim, np.radians(rng.uniform(-1.5, 1.5)), focal, width, height)

    def nudged(self, rng: np.random.Generator) -> Camera:
        """The camera after somebody touched it: moved by hands' breadths, zoomed by percents."""
        x, y, z = np.add(self.position, rng.uniform(-0.3, 0.3, 3)).tolist()
        aim_x, aim_y, aim_z = np.add(self.aim, rng.uniform(-0.12, 0.12, 3)).tolist()
        return replace(
            self,
            position=(x, y, z),
            aim=(aim_x, aim_y, aim_z),
            roll_radians=self.roll_radians + np.radians(rng.uniform(-0.4, 0.4)),
            focal_pixels=self.focal_pixels * rng.uniform(0.97, 1.03),
        )

    @cached_property
    def rotation(self) -> FloatArray:
        """Rows are the camera's right, down and forward axes in stage coordinates, (3, 3)."""
        forward = np.subtract(self.aim, self.position)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        cos, sin = np.cos(self.roll_radians), np.sin(self.roll_radians)
        return np.stack([cos * right + sin * down, cos * down - sin * right, forward])

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Stage points (..., 3) to pixels (..., 2) and depth along the view (...)."""
        seen = (points - np.asarray(self.position)) @ self.rotation.T
        depth = np.maximum(seen[..., 2], 0.1)
        center = (self.width / 2, self.height / 2)
        return seen[..., :2] / depth[..., None] * self.focal_pixels + center, depth

    @property
    def horizon_row(self) -> float:
        """Picture row of the horizon; negative when it lies above the picture."""
        _, down, forward = self.rotation
        level = forward - forward[2] * np.array([0.0, 0.0, 1.0])
        return self.height / 2 + self.focal_pixels * float(down @ level) / float(forward @ level)


def shake_path(
    rng: np.random.Generator, num_frames: int, fps: float, strength_pixels: float
) -> FloatArray:
    """How the mast sways: (num_frames, 3) of dx, dy in pixels and a turn in radians.

    Wind is a slow sway of a few random sines; passing trains add a fast jitter.
    """
    seconds = np.arange(num_frames) / fps
    sway = np.zeros((num_frames, 3))
    for _ in range(3):
        frequency_hertz = rng.uniform(0.15, 1.2)
        phase = rng.uniform(0, 2 * np.pi, 3)
        sway += rng.normal(0, 0.5, 3) * np.sin(
            2 * np.pi * frequency_hertz * seconds[:, None] + phase
        )
    sway += rng.normal(0, 0.12, sway.shape)
    return sway * strength_pixels * np.array([1.0, 0.7, 0.002])
