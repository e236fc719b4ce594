"""The yard of a recording: where the tracks lie and what stands around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from demo_yard.scene.arrays import Color, FloatArray
from demo_yard.scene.solids import Solids, box, group, turn_about_z
from demo_yard.scene.wagon import LENGTH as WAGON_LENGTH
from demo_yard.scene.wagon import RAIL_TOP, sample_wagon

GAUGE_METRES = 1.44
BESIDE_METRES = 3.5
"""Distance between the middle of the first track and a machine that stands beside it."""


@dataclass(frozen=True)
class Yard:
    """Parallel tracks across the stage; the first one is where the excavator rolls onto.

    Args:
        track_angle: Direction of the tracks, radians from the x axis.
        side: On which side of the first track the machine stands beside it: -1 is nearer.
        track_offsets: Distance of each track from the origin, away from the camera, metres.
        lamps: Feet of the lamp posts, (L, 2), metres.
        seed: Of what stays where it is: the ground and the buildings.
        day_seed: Of what does not: wagons and piles.
    """

    track_angle: float
    side: float
    track_offsets: tuple[float, ...]
    lamps: FloatArray
    seed: int
    day_seed: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Yard:
        """Draw a yard; tracks run obliquely, so that crossing one shows in the picture."""
        angle = float(np.radians(rng.uniform(30, 42)) * rng.choice([-1, 1]))
        side = float(rng.choice([-1, 1]))
        # The machine's two places, on the track and beside it, lie about the stage's middle.
        first = -side * BESIDE_METRES / 2 + rng.uniform(-0.1, 0.3)
        offsets = [first, first + rng.uniform(8.2, 9.5)]
        while len(offsets) < 4:
            offsets.append(offsets[-1] + rng.uniform(4.4, 5.4))
        normal = np.array([-np.sin(angle), np.cos(angle)])
        along = np.array([np.cos(angle), np.sin(angle)])
        start = rng.uniform(-14, -8)
        lamps = [normal * (offsets[1] - 2.3) + along * (start + 11 * i) for i in range(4)]
        seed, day_seed = rng.integers(2**31, size=2).tolist()
        return cls(angle, side, tuple(offsets), np.array(lamps), seed, day_seed)

    def rearranged(self, rng: np.random.Generator) -> Yard:
        """The same yard on another day."""
        return replace(self, day_seed=int(rng.integers(2**31)))

    @cached_property
    def along(self) -> FloatArray:
        """Unit vector along the tracks, (2,)."""
        return np.array([np.cos(self.track_angle), np.sin(self.track_angle)])

    @cached_property
    def across(self) -> FloatArray:
        """Unit vector across the tracks, away from the camera, (2,)."""
        return np.array([-np.sin(self.track_angle), np.cos(self.track_angle)])

    def point(self, along_metres: float, across_metres: float) -> FloatArray:
        """The stage point (2,) at a place given along and across the first track."""
        return self.along * along_metres + self.across * (self.track_offsets[0] + across_metres)

    def position(self, point: FloatArray) -> tuple[float, float]:
        """How far along and across the first track a stage point (x, y) lies, metres."""
        return float(point @ self.along), float(point @ self.across) - self.track_offsets[0]

    def place(self, solids: Solids, along_metres: float, track: int) -> Solids:
        """`solids` in track coordinates, put on a track."""
        x, y = self.along * along_metres + self.across * self.track_offsets[track]
        return solids.moved(turn_about_z(self.track_angle), (x, y, 0.0))

    def furniture(self) -> list[Solids]:
        """Everything that never moves: rails, wagons, lamp posts, buildings, piles."""
        day = np.random.default_rng(self.day_seed)
        parts = self._rails()
        parts += self._wagons(day)
        parts += [_lamp_post(foot, self.across) for foot in self.lamps]
        parts += self._buildings(np.random.default_rng([self.seed, 1]))
        parts += self._piles(day)
        return parts

    def _wagons(self, rng: np.random.Generator) -> list[Solids]:
        """Trains on the rear tracks, with a wagon missing here and there."""
        parts = []
        for track in range(1, len(self.track_offsets)):
            position, end = rng.uniform(-30, -16), rng.uniform(10, 40)
            while position < end:
                if rng.random() < 0.75:
                    parts.append(self.place(sample_wagon(rng), position, track))
                position += WAGON_LENGTH + 0.7
        return parts

    def _rails(self) -> list[Solids]:
        """Short pieces, so that those behind the camera can be left out."""
        parts = []
        for track in range(len(self.track_offsets)):
            for start in np.arange(-30, 44, 2.0):
                rails = []
                for side in (-0.5, 0.5):
                    y = (side * GAUGE_METRES - 0.045, side * GAUGE_METRES + 0.045)
                    rails.append(box((0, 2.0), y, (0, RAIL_TOP), (142, 134, 128)))
                parts.append(self.place(group(*rails), float(start), track))
        return parts

    def _buildings(self, rng: np.random.Generator) -> list[Solids]:
        paints: tuple[Color, ...] = (
            (150, 112, 92),
            (168, 166, 160),
            (122, 130, 138),
            (178, 158, 122),
        )
        parts = []
        edge = self.track_offsets[-1] + 7
        for start in np.arange(-30, 55, 13):
            if rng.random() < 0.3:
                continue
            width, height = rng.uniform(8, 12), rng.uniform(4, 9)
            paint = paints[rng.integers(len(paints))]
            hall = [
                box((0, width), (0, 7), (0, height), paint),
                box(
                    (-0.3, width + 0.3),
                    (-0.3, 7.3),
                    (height, height + 0.8),
                    (92, 84, 82),
                    top=(1.0, 0.5),
                ),
            ]
            for x in np.arange(1.0, width - 1.5, 2.6):
                hall.append(
                    box(
                        (x, x + 1.4),
                        (-0.06, 0),
                        (height * 0.5, height * 0.78),
                        (66, 78, 90),
                        lift=8.0,
                    )
                )
            x, y = self.along * start + self.across * (edge + rng.uniform(0, 3))
            parts.append(group(*hall).moved(turn_about_z(self.track_angle), (x, y, 0.0)))
        return parts

    def _piles(self, rng: np.random.Generator) -> list[Solids]:
        """Stacked sleepers and heaps of gravel between the tracks, out of everybody's way."""
        parts = []
        for start in np.arange(-9, 24, 5.5):
            if rng.random() < 0.5:
                continue
            if rng.random() < 0.5:
                stack = [
                    box((0, 2.4), (0, 1.3), (0.25 * i, 0.25 * i + 0.2), (96 - 6 * i, 76, 58))
                    for i in range(int(rng.integers(2, 4)))
                ]
                pile = group(*stack)
            else:
                size = rng.uniform(1.6, 2.6)
                pile = box((0, size), (0, size), (0, size * 0.45), (132, 124, 112), top=(0.3, 0.3))
            offset = self.track_offsets[1] - rng.uniform(3.2, 3.8)
            x, y = self.along * start + self.across * offset
            parts.append(pile.moved(turn_about_z(self.track_angle), (x, y, 0.0)))
        return parts


def _lamp_post(foot: FloatArray, lean: FloatArray) -> Solids:
    steel: Color = (104, 108, 112)
    tip_x, tip_y = foot - lean * 0.9
    x, y = foot
    return group(
        box((x - 0.09, x + 0.09), (y - 0.09, y + 0.09), (0, LAMP_HEIGHT), steel, top=(0.6, 0.6)),
        box(
            (tip_x - 0.4, tip_x + 0.4),
            (tip_y - 0.4, tip_y + 0.8),
            (LAMP_HEIGHT, LAMP_HEIGHT + 0.18),
            (214, 210, 190),
        ),
    )


LAMP_HEIGHT = 6.0
