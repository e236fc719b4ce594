"""A tracked excavator: crawler tracks, a turning house with its cab, boom, stick and bucket.

Local coordinates, metres: x forward, y to the left, z up, origin on the ground under the
slewing ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from demo_yard.scene.arrays import Color, FloatArray
from demo_yard.scene.solids import Solids, beam, box, group, turn_about_z

TRACK_LENGTH = 3.3
TRACK_PITCH = 0.55
_LINK_STEPS = 8
BODY_RADIUS = 2.1
"""Nobody walks closer to the slewing ring than this, metres."""
BUCKET_REACH = 4.3
"""Distance of the resting bucket from the slewing ring, metres."""
CAB_FORWARD, CAB_SIDE = 0.5, 2.25
"""Where one stands to talk to the driver, metres from the slewing ring."""

LIVERIES: dict[str, Color] = {
    'yellow': (240, 184, 34),
    'amber': (244, 160, 24),
    'lime': (176, 196, 40),
    'blue': (48, 110, 186),
}

_RUBBER: Color = (44, 44, 47)
_STEEL: Color = (88, 88, 92)
_GLASS: Color = (52, 74, 92)


@dataclass(frozen=True)
class ArmPose:
    """Angles of the arm above the horizontal, radians."""

    boom: float
    stick: float
    bucket: float


# One digging cycle; the arm rests in the first pose.
_CYCLE = np.radians(
    [
        (32.0, -72.0, -115.0),
        (24.0, -56.0, -80.0),
        (17.0, -66.0, -120.0),
        (26.0, -88.0, -165.0),
        (46.0, -84.0, -170.0),
        (44.0, -60.0, -100.0),
    ]
)


def arm_pose(phase: float, lift: float = 0.0) -> ArmPose:
    """The arm at `phase` (in cycles) of its digging, raised by `lift` radians."""
    steps = np.append(np.arange(len(_CYCLE)), len(_CYCLE)) / len(_CYCLE)
    wrapped = np.vstack([_CYCLE, _CYCLE[:1]])
    boom, stick, bucket = (np.interp(phase % 1.0, steps, wrapped[:, i]) for i in range(3))
    return ArmPose(float(boom) + lift, float(stick), float(bucket))


@dataclass(frozen=True)
class ExcavatorPose:
    """Where the machine is and what its parts do.

    Args:
        x: Stage position of the slewing ring, metres; likewise `y`.
        y: See `x`.
        heading: Direction of the crawler tracks, radians.
        slew: Direction of the bucket, radians.
        travelled: Distance driven so far, metres; moves the track links.
        arm: Angles of the arm.
    """

    x: float
    y: float
    heading: float
    slew: float
    travelled: float
    arm: ArmPose


class Excavator:
    """A machine of one livery.

    Args:
        color: RGB in 0..255.
        cab_on_left: Which side the cab is on, seen from the driver's seat.
    """

    def __init__(self, color: Color, cab_on_left: bool) -> None:
        self.color = color
        house = group(*self._house_parts())
        self._house = house if cab_on_left else house.mirrored()
        self._arm_side = -0.2 if cab_on_left else 0.2

    def _house_parts(self) -> list[Solids]:
        red, green, blue = self.color
        shade: Color = (red * 0.82, green * 0.82, blue * 0.82)
        return [
            box((-0.75, 0.75), (-0.75, 0.75), (0.72, 0.96), _RUBBER),
            box((-1.55, 1.1), (-1.12, 1.12), (0.96, 1.5), self.color),
            box((-2.05, -1.5), (-1.1, 1.1), (0.9, 1.72), _STEEL, top=(0.8, 0.96)),
            box((-1.6, -0.25), (-1.08, 1.08), (1.5, 1.95), shade, top=(0.92, 0.94)),
            box((-0.25, 1.1), (-1.05, -0.05), (1.5, 1.72), shade),
            box((-1.0, -0.84), (-0.7, -0.54), (1.95, 2.3), _RUBBER),
            box((-0.25, 1.15), (0.2, 1.12), (1.5, 1.78), self.color),
            box((-0.22, 1.12), (0.23, 1.1), (1.78, 2.6), _GLASS, top=(0.92, 0.94)),
            box((0.22, 0.34), (0.2, 1.13), (1.78, 2.6), self.color, top=(1.0, 0.95)),
            box((-0.28, 1.1), (0.2, 1.12), (2.6, 2.74), self.color, top=(0.9, 0.9)),
            box((-0.1, 0.06), (0.55, 0.75), (2.74, 2.92), (255, 150, 20)),
        ]

    @lru_cache(maxsize=2 * _LINK_STEPS)  # noqa: B019  a machine lives as long as its recording
    def _undercarriage(self, step: int) -> Solids:
        """Crawler tracks whose links have run `step` parts of a pitch."""
        travelled = step * TRACK_PITCH / _LINK_STEPS
        parts = [box((-1.0, 1.0), (-0.8, 0.8), (0.4, 0.72), _RUBBER)]
        half = TRACK_LENGTH / 2
        first = int(np.ceil((-half - travelled) / TRACK_PITCH))
        last = int(np.floor((half - travelled) / TRACK_PITCH))
        links = [travelled + index * TRACK_PITCH for index in range(first, last + 1)]
        edges = np.unique(np.clip(np.concatenate([[-half], links, [half]]), -half, half))
        for start, end in pairwise(edges):
            if end - start < 1e-3:
                continue
            index = int(np.floor(((start + end) / 2 - travelled) / TRACK_PITCH))
            level = 40 if index % 2 else 66
            lifted = 0.22 if start == -half or end == half else 0.0
            for y in ((-1.3, -0.75), (0.75, 1.3)):
                parts.append(
                    box((start, end), y, (lifted, 0.76 - lifted * 0.4), (level, level, level + 2))
                )
        return group(*parts)

    @lru_cache(maxsize=4)  # noqa: B019
    def _arm(self, arm: ArmPose) -> Solids:
        side = self._arm_side
        shoulder = np.array([0.95, side, 1.45])
        knee = shoulder + 1.5 * _unit(arm.boom + 0.42)
        elbow = knee + 1.75 * _unit(arm.boom - 0.38)
        wrist = elbow + 1.75 * _unit(arm.stick)
        curl, open_ = _unit(arm.bucket), _unit(arm.bucket + np.pi / 2)
        low, lifted = np.array([0.35, 0.0, -0.3]), _unit(arm.boom + 1.1)
        piston: Color = (176, 178, 182)
        return group(
            beam(shoulder, knee, 0.38, (0.42, 0.5), self.color),
            beam(knee, elbow, 0.36, (0.5, 0.34), self.color),
            beam(shoulder + low, knee - np.array([0, 0, 0.12]), 0.14, (0.16, 0.12), piston),
            beam(knee + 0.34 * lifted, elbow + 0.3 * lifted, 0.12, (0.14, 0.1), piston),
            beam(elbow - 0.3 * _unit(arm.stick), wrist, 0.32, (0.44, 0.26), self.color),
            beam(wrist - 0.05 * curl, wrist + 0.42 * curl, 0.95, (0.75, 0.7), _STEEL),
            beam(
                wrist + 0.4 * curl - 0.1 * open_,
                wrist + 0.82 * curl + 0.16 * open_,
                0.95,
                (0.6, 0.22),
                (66, 64, 62),
            ),
        )

    def solids(self, pose: ExcavatorPose) -> Solids:
        """The machine in stage coordinates."""
        place = (pose.x, pose.y, 0.0)
        # Links alternate in colour, so that the pattern repeats after two.
        link_step = round(pose.travelled / TRACK_PITCH * _LINK_STEPS) % (2 * _LINK_STEPS)
        upper = group(self._house, self._arm(pose.arm))
        return group(
            self._undercarriage(link_step).moved(turn_about_z(pose.heading), place),
            upper.moved(turn_about_z(pose.slew), place),
        )


def _unit(angle: float) -> FloatArray:
    return np.array([np.cos(angle), 0.0, np.sin(angle)])
