"""The state of affairs in the yard: who is where, where one may walk, and what is near what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import dist, hypot

import numpy as np

from demo_yard.acting.timelines import ExcavatorTimeline, WorkerTimeline
from demo_yard.scene.arrays import FloatArray
from demo_yard.scene.excavator import BODY_RADIUS, BUCKET_REACH, CAB_FORWARD, CAB_SIDE
from demo_yard.scene.site import Site
from demo_yard.scene.yard import Yard

AWAY, BUCKET, CABIN = 'away', 'bucket', 'cabin'
"""Stations of a worker: out in the yard, in the bucket's swing area, at the cabin."""
CLEARANCE_METRES = 0.8
"""How far from a danger's area those stay who do not enter it, so that a picture can tell them."""


@dataclass(frozen=True)
class Circle:
    """An area on the ground, metres."""

    center: FloatArray
    radius: float

    def holds(self, point: FloatArray) -> bool:
        """Whether `point` (x, y) lies inside."""
        (x, y), (center_x, center_y) = point.tolist(), self.center.tolist()
        return hypot(x - center_x, y - center_y) < self.radius

    def touches(self, start: FloatArray, end: FloatArray) -> bool:
        """Whether the straight way from `start` to `end` passes through."""
        # Plain numbers: routes ask this a thousand times.
        (x, y), (end_x, end_y) = start.tolist(), end.tolist()
        center_x, center_y = self.center.tolist()
        step_x, step_y = end_x - x, end_y - y
        along = (center_x - x) * step_x + (center_y - y) * step_y
        share = min(max(along / max(step_x**2 + step_y**2, 1e-9), 0.0), 1.0)
        return hypot(x + share * step_x - center_x, y + share * step_y - center_y) < self.radius


@dataclass
class Crew:
    """A worker of the stage: the timeline and the station after everything planned so far."""

    timeline: WorkerTimeline
    station: str


@dataclass
class Stage:
    """The yard with its excavator and workers.

    Args:
        site: Where it is; workers and machine stay in its camera's picture.
        excavator: The machine's timeline.
        crew: The workers.
    """

    site: Site
    excavator: ExcavatorTimeline
    crew: list[Crew] = field(default_factory=list)

    @property
    def yard(self) -> Yard:
        """Where the tracks lie."""
        return self.site.yard

    def bucket_area(self, place: FloatArray | None = None) -> Circle:
        """The bucket's swing area for the machine where it is, or at `place`."""
        place = self.excavator.place if place is None else place
        slew = self.excavator.slew
        reach = (BUCKET_REACH - 0.2) * np.array([np.cos(slew), np.sin(slew)])
        return Circle(place + reach, 2.0)

    def cabin_area(self, place: FloatArray | None = None) -> Circle:
        """The place beside the cab, for the machine where it is, or at `place`."""
        place = self.excavator.place if place is None else place
        forward = np.array([np.cos(self.excavator.slew), np.sin(self.excavator.slew)])
        side = np.array([-forward[1], forward[0]]) * (1 if self.site.cab_on_left else -1)
        return Circle(place + CAB_FORWARD * forward + CAB_SIDE * side, 1.2)

    def body(self, place: FloatArray | None = None) -> Circle:
        """The machine itself."""
        return Circle(self.excavator.place if place is None else place, BODY_RADIUS)

    def obstacles(self, station: str, goal: str) -> list[Circle]:
        """Areas that somebody who goes from `station` to `goal` keeps out of."""
        areas = {BUCKET: self.bucket_area(), CABIN: self.cabin_area()}
        shunned = [areas[name] for name in areas if name not in (station, goal)]
        wide = [Circle(area.center, area.radius + CLEARANCE_METRES) for area in shunned]
        return [self.body(), *wide]

    def in_picture(self, place: FloatArray) -> bool:
        """Whether somebody who stands at `place` (x, y) is wholly in the picture."""
        feet_and_head = np.array([[*place, 0.0], [*place, 2.3]])
        pixels = self.site.camera.project(feet_and_head)[0]
        margin = 0.03 * self.site.camera.width
        size = np.array([self.site.camera.width, self.site.camera.height])
        return bool((pixels > margin).all() and (pixels < size - margin).all())

    def seen_distance(self, start: FloatArray, end: FloatArray) -> float:
        """How far apart two places (x, y) are in the picture, in its widths."""
        pixels = self.site.camera.project(np.array([[*start, 0.0], [*end, 0.0]]))[0]
        return float(np.hypot(*(pixels[1] - pixels[0]))) / self.site.camera.width

    def walkable(self, place: FloatArray) -> bool:
        """Whether one can stand at `place`: in the picture, in front of the rear tracks."""
        offsets = self.yard.track_offsets
        return self.in_picture(place) and float(place @ self.yard.across) < offsets[1] - 4.0

    def machine_fits(self, place: FloatArray) -> bool:
        """Whether the machine at `place` is in the picture from its tail to its bucket."""
        forward = np.array([np.cos(self.excavator.slew), np.sin(self.excavator.slew)])
        ends = (place - 1.8 * forward, place + (BUCKET_REACH + 0.6) * forward)
        return all(self.in_picture(end) for end in ends)

    def somebody_in_the_way(self, start: FloatArray, goal: FloatArray) -> bool:
        """Whether a worker stands where the machine drives, or where it would then work."""
        areas = (self.bucket_area(goal), self.cabin_area(goal))
        for member in self.crew:
            place = member.timeline.place
            if Circle(place, BODY_RADIUS + 0.2).touches(start, goal):
                return True
            if any(area.holds(place) for area in areas):
                return True
        return False

    def free_place(
        self, rng: np.random.Generator, obstacles: Sequence[Circle]
    ) -> FloatArray | None:
        """A place out in the yard, clear of `obstacles` by a step; None when there is none."""
        others = [Circle(member.timeline.place, 0.9) for member in self.crew]
        keep_off = [*(Circle(area.center, area.radius + 0.7) for area in obstacles), *others]
        for _ in range(200):
            place = np.array([rng.uniform(-7, 7), rng.uniform(-5.5, 6)])
            if not any(area.holds(place) for area in keep_off) and self.walkable(place):
                return place
        return None

    def spot(self, rng: np.random.Generator, station: str) -> FloatArray:
        """Where exactly somebody stands in the swing area or at the cabin."""
        if station == CABIN:
            return self.cabin_area().center + rng.normal(0, 0.12, 2)
        # Beside the bucket, on the camera's side: behind it, nobody would be seen.
        forward = self.excavator.slew
        nearer = -1.0 if np.cos(forward) > 0 else 1.0
        angle = forward + nearer * np.radians(rng.uniform(9, 20))
        radius = BUCKET_REACH + rng.uniform(-0.6, 0.35)
        return self.excavator.place + radius * np.array([np.cos(angle), np.sin(angle)])

    def route(
        self,
        rng: np.random.Generator,
        start: FloatArray,
        goal: FloatArray,
        obstacles: Sequence[Circle],
    ) -> list[FloatArray] | None:
        """A way from `start` to `goal` clear of `obstacles`: straight, or with one corner."""

        def clear(a: FloatArray, b: FloatArray) -> bool:
            return not any(area.touches(a, b) for area in obstacles)

        if clear(start, goal):
            return [goal]
        best: list[FloatArray] | None = None
        shortest = np.inf
        for _ in range(80):
            corner = np.array([rng.uniform(-7, 7), rng.uniform(-5.5, 6)])
            length = dist(start, corner) + dist(corner, goal)
            if length >= shortest or not (clear(start, corner) and clear(corner, goal)):
                continue
            if self.walkable(corner):
                best, shortest = [corner, goal], length
        return best
