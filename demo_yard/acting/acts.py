"""Acts in the yard. The three dangers are changes, and so are most of their opposites.

An act is performed on a stage between two moments; it plans the actors' timelines and says when
the change itself began and ended. Leaving the swing area, leaving the cabin and rolling off the
track mirror the dangers in time: their single frames look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demo_yard.acting.stage import AWAY, BUCKET, CABIN, Circle, Crew, Stage
from demo_yard.scene.arrays import FloatArray
from demo_yard.scene.yard import BESIDE_METRES

LABELS = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
OTHER = 'Other'

Span = tuple[float, float]
Performance = Callable[[Stage, np.random.Generator, float, float], Span | None]
"""(stage, chance, earliest, latest) -> seconds of begin and end, or None when it cannot be."""

WALKING_SPEED = (1.3, 1.9)
FASTEST_WALK = 2.4
DRIVING_SPEED = (1.0, 1.6)
FASTEST_DRIVE = 2.2
SEEN_LEAST, DRIVE_SEEN_LEAST = 0.22, 0.17
"""A walk and a drive cover at least these shares of the picture's width."""
TURNING_SPEED = np.radians(55.0)


@dataclass(frozen=True)
class Act:
    """Something that can happen.

    Args:
        label: Class of a clip that shows it.
        share: How often it is chosen among the acts of its class.
        perform: Plans it.
        station: Where the worker it is about has to be at first; None without a worker.
        machine: `beside` or `on` the track, or `any`: where the excavator has to be at first.
        aligned: Whether the crawler tracks lie `along` or `across` the track at first, or `any`.
        empty: Stations where nobody may stand meanwhile.
        mirrors: Whether it undoes a danger, which can then come about again.
    """

    label: str
    share: float
    perform: Performance
    station: str | None = None
    machine: str = 'any'
    aligned: str = 'any'
    empty: tuple[str, ...] = ()
    mirrors: bool = False


def _begin(
    rng: np.random.Generator,
    earliest: float,
    latest: float,
    length: float,
    speeds: tuple[float, float],
    fastest: float,
) -> tuple[float, float] | None:
    """Draw when to set off and how fast, so that `length` metres are covered by `latest`."""
    room = latest - earliest
    speed = max(rng.uniform(*speeds), length / max(room, 1e-6) * 1.02)
    if speed > fastest:
        return None
    return earliest + rng.uniform(0.0, room - length / speed), speed


@dataclass(frozen=True)
class _Way:
    """Where a worker walks to."""

    goal: FloatArray | None
    station: str
    """Name of the goal."""
    seen_least: float = SEEN_LEAST
    """A way that covers less, in widths of the picture, is not taken."""
    keep_off: Sequence[Circle] = ()
    """Obstacles besides those that always stand there."""


def _walk(
    stage: Stage, rng: np.random.Generator, member: Crew, way: _Way, span: Span
) -> Span | None:
    """Send a worker on a way within `span`."""
    goal, station = way.goal, way.station
    if goal is None:
        return None
    start = member.timeline.place
    obstacles = [*stage.obstacles(member.station, station), *way.keep_off]
    if stage.seen_distance(start, goal) < way.seen_least:
        return None
    route = stage.route(rng, start, goal, obstacles)
    if route is None:
        return None
    steps = np.diff(np.array([start, *route]), axis=0)
    length = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
    earliest = max(span[0], member.timeline.busy_until)
    drawn = _begin(rng, earliest, span[1], length, WALKING_SPEED, FASTEST_WALK)
    if drawn is None:
        return None
    begin, speed = drawn
    end = member.timeline.walk(begin, route, speed)
    member.station = station
    if station != AWAY:
        member.timeline.face(end, stage.excavator.place)
    return begin, end


def _someone(stage: Stage, rng: np.random.Generator, station: str) -> Crew | None:
    """A worker who is at `station` now."""
    there = [member for member in stage.crew if member.station == station]
    return there[rng.integers(len(there))] if there else None


def _approach(station: str) -> Performance:
    def perform(
        stage: Stage, rng: np.random.Generator, earliest: float, latest: float
    ) -> Span | None:
        member = _someone(stage, rng, AWAY)
        if member is None:
            return None
        goal = stage.spot(rng, station)
        return _walk(stage, rng, member, _Way(goal, station), (earliest, latest))

    return perform


def _leave(station: str) -> Performance:
    def perform(
        stage: Stage, rng: np.random.Generator, earliest: float, latest: float
    ) -> Span | None:
        member = _someone(stage, rng, station)
        if member is None:
            return None
        goal = stage.free_place(rng, stage.obstacles(AWAY, AWAY))
        return _walk(stage, rng, member, _Way(goal, AWAY), (earliest, latest))

    return perform


def pass_by(stage: Stage, rng: np.random.Generator, earliest: float, latest: float) -> Span | None:
    """Somebody crosses the yard without coming near the machine."""
    member = _someone(stage, rng, AWAY)
    if member is None:
        return None
    goal = stage.free_place(rng, stage.obstacles(AWAY, AWAY))
    return _walk(stage, rng, member, _Way(goal, AWAY), (earliest, latest))


def _drive(
    stage: Stage, rng: np.random.Generator, goal: FloatArray, earliest: float, latest: float
) -> Span | None:
    """Drive straight to `goal`, turning the crawler tracks first where they point elsewhere."""
    machine = stage.excavator
    start = machine.place
    step = goal - start
    if not stage.machine_fits(goal) or stage.somebody_in_the_way(start, goal):
        return None
    if stage.seen_distance(start, goal) < DRIVE_SEEN_LEAST:
        return None
    direction = float(np.arctan2(step[1], step[0]))
    off_course = abs((direction - machine.heading + np.pi / 2) % np.pi - np.pi / 2)
    turning = off_course / TURNING_SPEED
    length = float(np.hypot(*step))
    drawn = _begin(rng, earliest + turning, latest, length, DRIVING_SPEED, FASTEST_DRIVE)
    if drawn is None:
        return None
    begin, speed = drawn
    machine.turn(begin - turning, direction, TURNING_SPEED)
    end = machine.drive(begin, goal, speed)
    for member in stage.crew:
        member.station = AWAY
    return begin, end


def _across(target_metres: Callable[[np.random.Generator, Stage], float]) -> Performance:
    """Drive across the track to where `target_metres` says: straight ahead, or home."""

    def perform(
        stage: Stage, rng: np.random.Generator, earliest: float, latest: float
    ) -> Span | None:
        along, across = stage.yard.position(stage.excavator.place)
        heading = stage.excavator.heading - stage.yard.track_angle
        target = target_metres(rng, stage)
        goals = [stage.site.home_along + rng.uniform(-0.5, 0.5)]
        if slope := np.tan(heading):  # straight ahead along the track leads across it nowhere
            goals.insert(0, along + (target - across) / slope)
        for goal in goals:
            span = _drive(stage, rng, stage.yard.point(goal, target), earliest, latest)
            if span is not None:
                return span
        return None

    return perform


def _onto(rng: np.random.Generator, stage: Stage) -> float:
    return float(rng.normal(0, 0.12))


def _off(rng: np.random.Generator, stage: Stage) -> float:
    return stage.yard.side * (BESIDE_METRES + rng.uniform(-0.3, 0.3))


def drive_along(
    stage: Stage, rng: np.random.Generator, earliest: float, latest: float
) -> Span | None:
    """The machine drives along the track, beside it or on it."""
    along, across = stage.yard.position(stage.excavator.place)
    distance = rng.uniform(2.4, 3.4)
    for side in rng.permutation([-1, 1]):
        goal = stage.yard.point(along + side * distance, across)
        span = _drive(stage, rng, goal, earliest, latest)
        if span is not None:
            return span
    return None


def turn_round(
    stage: Stage, rng: np.random.Generator, earliest: float, latest: float
) -> Span | None:
    """The machine turns its crawler tracks on the spot."""
    seconds = rng.uniform(0.5, 0.9) * (latest - earliest)
    angle = min(seconds * TURNING_SPEED, np.radians(85)) * rng.choice([-1, 1])
    begin = earliest + rng.uniform(0, latest - earliest - abs(angle) / TURNING_SPEED)
    end = stage.excavator.turn(begin, stage.excavator.heading + angle, TURNING_SPEED)
    return begin, end


def stand_still(
    stage: Stage, rng: np.random.Generator, earliest: float, latest: float
) -> Span | None:
    """Nobody goes anywhere."""
    return earliest, latest


def dig(stage: Stage, rng: np.random.Generator, earliest: float, latest: float) -> Span | None:
    """The machine works, swinging its bucket widely, with no one near."""
    begin = max(earliest, stage.excavator.arm_busy_until)
    if latest - begin < 1.5:
        return None
    swing = np.radians(rng.uniform(18, 32)) * rng.choice([-1, 1])
    return begin, stage.excavator.dig(begin, latest - begin, swing)


ACTS: dict[str, Act] = {
    'roll_onto_track': Act(
        'Track-Excavator', 2.5, _across(_onto), machine='beside', aligned='across'
    ),
    'enter_swing_area': Act('Bucket-Worker', 1.0, _approach(BUCKET), station=AWAY, empty=(BUCKET,)),
    'walk_up_to_cabin': Act('Cabin-Worker', 1.0, _approach(CABIN), station=AWAY, empty=(CABIN,)),
    'leave_swing_area': Act(OTHER, 0.05, _leave(BUCKET), station=BUCKET, mirrors=True),
    'leave_cabin': Act(OTHER, 0.05, _leave(CABIN), station=CABIN, mirrors=True),
    'roll_off_track': Act(OTHER, 0.05, _across(_off), machine='on', aligned='across', mirrors=True),
    'pass_by': Act(OTHER, 0.27, pass_by, station=AWAY),
    'drive_along': Act(OTHER, 0.2, drive_along, aligned='along'),
    'turn_round': Act(OTHER, 0.05, turn_round),
    'stand_still': Act(OTHER, 0.18, stand_still),
    'dig': Act(OTHER, 0.15, dig, empty=(BUCKET, CABIN)),
}


def choose_act(rng: np.random.Generator, label: str) -> str:
    """Draw the name of an act whose clips have `label`."""
    names = [name for name, act in ACTS.items() if act.label == label]
    shares = np.array([ACTS[name].share for name in names])
    return str(rng.choice(names, p=shares / shares.sum()))


def enliven(
    stage: Stage,
    rng: np.random.Generator,
    span: Span,
    keep_off: Sequence[Circle],
    busy: Sequence[Crew],
) -> None:
    """Let bystanders stroll and the arm move during an act, whatever the act is.

    Args:
        stage: Where it happens.
        rng: Source of chance.
        span: From when to when.
        keep_off: Areas that bystanders keep out of besides the machine's present ones.
        busy: Workers who have something to do already.
    """
    for member in stage.crew:
        if member in busy or member.station != AWAY or rng.random() > 0.12:
            continue
        obstacles = [*stage.obstacles(AWAY, AWAY), *keep_off]
        goal = stage.free_place(rng, obstacles)
        _walk(stage, rng, member, _Way(goal, AWAY, 0.08, keep_off), span)
    begin = max(span[0], stage.excavator.arm_busy_until)
    seconds = span[1] - begin
    if seconds < 1.0:
        return
    chance = rng.random()
    if chance < 0.3:
        stage.excavator.dig(begin, seconds, np.radians(rng.uniform(-7, 7)))
    elif chance < 0.55:
        stage.excavator.lift(begin, seconds, np.radians(rng.uniform(6, 14)))
