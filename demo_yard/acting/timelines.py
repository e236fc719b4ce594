"""Timelines of the actors: walking and standing, driving, slewing and digging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo_yard.acting.keyframes import AngleKeyframes, Keyframes
from demo_yard.scene.arrays import FloatArray
from demo_yard.scene.excavator import ExcavatorPose, arm_pose
from demo_yard.scene.worker import WorkerPose

_TURN_SECONDS = 0.3
DIG_SECONDS = 4.5
"""One cycle of the digging arm."""


class WorkerTimeline:
    """Where a worker is over time.

    Args:
        place: Stage position (x, y) at the start, metres.
        heading: Direction of the face at the start, radians.
        gesture: How far an arm is raised while standing, radians.
    """

    def __init__(self, place: FloatArray, heading: float, gesture: float) -> None:
        self._x, self._y = Keyframes(place[0]), Keyframes(place[1])
        self._heading = AngleKeyframes(heading)
        self._travelled, self._effort = Keyframes(0.0), Keyframes(0.0)
        self._gesture = gesture
        self.busy_until = 0.0

    @property
    def place(self) -> FloatArray:
        """Stage position (x, y) after everything planned so far."""
        return np.array([self._x.last, self._y.last])

    def walk(self, start_seconds: float, route: Sequence[FloatArray], speed: float) -> float:
        """Walk along `route` at `speed` metres a second.

        Returns:
            The moment of arrival, seconds.
        """
        now = max(start_seconds, self.busy_until)
        self._effort.go(now, now + 0.05, 1.0)
        for goal in route:
            step = goal - self.place
            length = float(np.hypot(*step))
            arrival = now + max(length / speed, 0.06)
            turned = min(now + _TURN_SECONDS, arrival)
            self._heading.go(now, turned, float(np.arctan2(step[1], step[0])))
            self._x.go(now, arrival, goal[0])
            self._y.go(now, arrival, goal[1])
            self._travelled.go(now, arrival, self._travelled.last + length)
            now = arrival
        self._effort.go(now, now + 0.15, 0.0)
        self.busy_until = now + 0.15
        return now

    def face(self, start_seconds: float, target: FloatArray) -> None:
        """Turn towards a stage point (x, y)."""
        now = max(start_seconds, self.busy_until)
        step = target - self.place
        self._heading.go(now, now + _TURN_SECONDS, float(np.arctan2(step[1], step[0])))
        self.busy_until = now + _TURN_SECONDS

    def pose(self, seconds: float) -> WorkerPose:
        """Where the worker is at a moment."""
        effort = self._effort.at(seconds)
        return WorkerPose(
            x=self._x.at(seconds),
            y=self._y.at(seconds),
            heading=self._heading.at(seconds),
            travelled=self._travelled.at(seconds),
            effort=effort,
            gesture=self._gesture * (1 - effort),
        )


class ExcavatorTimeline:
    """Where the excavator is and what its arm does over time.

    Args:
        place: Stage position (x, y) at the start, metres.
        heading: Direction of the crawler tracks, radians.
        slew: Direction of the resting bucket, radians.
        phase: Where in its digging cycle the arm rests, 0..1.
    """

    def __init__(self, place: FloatArray, heading: float, slew: float, phase: float) -> None:
        self._x, self._y = Keyframes(place[0]), Keyframes(place[1])
        self._heading = AngleKeyframes(heading)
        self._slew = AngleKeyframes(slew)
        self._travelled, self._phase, self._lift = Keyframes(0.0), Keyframes(phase), Keyframes(0.0)
        self.arm_busy_until = 0.0

    @property
    def place(self) -> FloatArray:
        """Stage position (x, y) after everything planned so far."""
        return np.array([self._x.last, self._y.last])

    @property
    def heading(self) -> float:
        """Direction of the crawler tracks after everything planned so far, radians."""
        return self._heading.last

    @property
    def slew(self) -> float:
        """Direction of the bucket after everything planned so far, radians."""
        return self._slew.last

    def drive(self, start_seconds: float, goal: FloatArray, speed: float) -> float:
        """Drive straight to `goal`, forwards or backwards; returns the moment of arrival."""
        step = goal - self.place
        facing = np.array([np.cos(self.heading), np.sin(self.heading)])
        length = float(np.hypot(*step))
        arrival = start_seconds + length / speed
        self._x.go(start_seconds, arrival, goal[0])
        self._y.go(start_seconds, arrival, goal[1])
        signed = length if float(step @ facing) >= 0 else -length
        self._travelled.go(start_seconds, arrival, self._travelled.last + signed)
        return arrival

    def turn(self, start_seconds: float, heading: float, radians_per_second: float) -> float:
        """Turn the crawler tracks on the spot to `heading` or its opposite, the nearer one."""
        turn = (heading - self.heading + np.pi / 2) % np.pi - np.pi / 2
        end = start_seconds + abs(turn) / radians_per_second
        self._heading.go(start_seconds, end, self.heading + turn)
        return end

    def dig(self, start_seconds: float, seconds: float, swing: float) -> float:
        """Dig for a while, swinging the bucket `swing` radians to either side and back."""
        start = max(start_seconds, self.arm_busy_until)
        end = start + seconds
        self._phase.go(start, end, self._phase.last + seconds / DIG_SECONDS)
        rest = self.slew
        turns = ((0.0, 0.3, 1.0), (0.3, 0.7, -1.0), (0.7, 1.0, 0.0))
        for begin, finish, side in turns:
            self._slew.go(start + begin * seconds, start + finish * seconds, rest + side * swing)
        self.arm_busy_until = end
        return end

    def lift(self, start_seconds: float, seconds: float, radians: float) -> float:
        """Raise the boom by `radians` and lower it again."""
        start = max(start_seconds, self.arm_busy_until)
        self._lift.go(start, start + seconds / 2, radians)
        self._lift.go(start + seconds / 2, start + seconds, 0.0)
        self.arm_busy_until = start + seconds
        return self.arm_busy_until

    def pose(self, seconds: float) -> ExcavatorPose:
        """Where the machine is and what its parts do at a moment."""
        return ExcavatorPose(
            x=self._x.at(seconds),
            y=self._y.at(seconds),
            heading=self._heading.at(seconds),
            slew=self._slew.at(seconds),
            travelled=self._travelled.at(seconds),
            arm=arm_pose(self._phase.at(seconds), self._lift.at(seconds)),
        )
