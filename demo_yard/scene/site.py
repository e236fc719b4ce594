"""A site: a camera on its mast over a yard, the same in all recordings made there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from demo_yard.scene.camera import Camera
from demo_yard.scene.yard import Yard


@dataclass(frozen=True)
class Site:
    """A place: everything that its recordings share.

    Args:
        yard: Where the tracks lie and what stands around them.
        camera: What sees it.
        cab_on_left: Which side the excavator's cab is on; it turns that side to the camera.
        camera_number: Shown in the picture.
        stamp_corner: Where it is shown: 0 and 1 above, 2 and 3 below, odd ones on the left.
    """

    yard: Yard
    camera: Camera
    cab_on_left: bool
    camera_number: int
    stamp_corner: int

    @classmethod
    def sample(cls, rng: np.random.Generator, width: int, height: int) -> Site:
        """Draw a site whose camera renders pictures of `width` times `height` pixels."""
        return cls(
            yard=Yard.sample(rng),
            camera=Camera.sample(rng, width, height),
            cab_on_left=bool(rng.random() < 0.5),
            camera_number=int(rng.integers(1, 25)),
            stamp_corner=int(rng.integers(4)),
        )

    @property
    def home_along(self) -> float:
        """Where along the track machine and bucket together are in the picture's middle, metres."""
        towards_bucket = -1.0 if self.cab_on_left else 1.0
        return -1.3 * towards_bucket * float(self.yard.along[0])

    def on_another_day(self, rng: np.random.Generator) -> Site:
        """The same place with other wagons and piles, the camera nudged by wind and service."""
        return replace(self, yard=self.yard.rearranged(rng), camera=self.camera.nudged(rng))
