"""Sets the stage for an act: where the machine and the workers are before it begins."""

from __future__ import annotations

import numpy as np

from demo_yard.acting.acts import ACTS, Act, Span, enliven
from demo_yard.acting.stage import AWAY, BUCKET, CABIN, Circle, Crew, Stage
from demo_yard.acting.timelines import ExcavatorTimeline, WorkerTimeline
from demo_yard.scene.arrays import FloatArray
from demo_yard.scene.site import Site
from demo_yard.scene.yard import BESIDE_METRES

CREW_SIZES = {1: 0.7, 2: 0.3}
"""How many workers are in the picture, whatever happens there."""
MOST_DRAWS = 3000
MOST_TURNED = np.radians(10.0)
"""A machine that drives in a clip does not turn before by more than this."""
MARGIN_SECONDS = 0.2
"""A clip goes on for at least this long after its act."""


def set_stage(
    rng: np.random.Generator, site: Site, act: Act, crew_size: int | None = None
) -> Stage | None:
    """Draw a state of affairs in which `act` can begin.

    Args:
        rng: Source of chance.
        site: Where it is.
        act: What is about to happen.
        crew_size: How many workers there are; drawn from `CREW_SIZES` when absent.

    Returns:
        None when this draw does not fit.
    """
    yard = site.yard
    slew = (np.pi if site.cab_on_left else 0.0) + np.radians(rng.uniform(-10, 10))
    machine = (
        act.machine if act.machine != 'any' else str(rng.choice(['beside', 'on'], p=[0.6, 0.4]))
    )
    across = rng.normal(0, 0.12)
    if machine == 'beside':
        across = yard.side * (BESIDE_METRES + rng.uniform(-0.3, 0.3))
    aligned = (
        act.aligned
        if act.aligned != 'any'
        else str(rng.choice(['across', 'along'], p=[0.65, 0.35]))
    )
    heading = yard.track_angle + rng.choice([0, np.pi]) + np.radians(rng.normal(0, 3))
    if aligned == 'across':
        heading = (
            yard.track_angle + rng.choice([-1, 1]) * np.pi / 2 + np.radians(rng.uniform(-32, 32))
        )
    # Whoever drives along needs room for it.
    roam = 1.4 if act.aligned == 'along' else 0.5
    place = yard.point(site.home_along + rng.uniform(-roam, roam), across)
    stage = Stage(site, ExcavatorTimeline(place, float(heading), float(slew), float(rng.random())))
    if not stage.machine_fits(place):
        return None
    if crew_size is None:
        crew_size = int(rng.choice(list(CREW_SIZES), p=list(CREW_SIZES.values())))
    return stage if _add_crew(stage, rng, act, crew_size) else None


def _add_crew(stage: Stage, rng: np.random.Generator, act: Act, size: int) -> bool:
    """Put workers on the stage, the one that `act` is about first."""
    taken = set(act.empty)
    for index in range(size):
        station = act.station if index == 0 and act.station else AWAY
        if station == AWAY and not (index == 0 and act.station) and rng.random() < 0.15:
            station = str(rng.choice([BUCKET, CABIN]))
            station = AWAY if station in taken else station
        place: FloatArray | None
        if station == AWAY:
            place = stage.free_place(rng, stage.obstacles(AWAY, AWAY))
        else:
            place = stage.spot(rng, station)
            taken.add(station)
        if place is None or not stage.walkable(place):
            return False
        heading = rng.uniform(-np.pi, np.pi)
        if station != AWAY:
            step = stage.excavator.place - place
            heading = float(np.arctan2(step[1], step[0]))
        gesture = rng.choice([0.0, rng.uniform(0.3, 1.6)], p=[0.6, 0.4])
        stage.crew.append(Crew(WorkerTimeline(place, heading, float(gesture)), station))
    return True


def stage_clip(
    rng: np.random.Generator, site: Site, name: str, seconds: float
) -> tuple[Stage, Span]:
    """A stage on which the act `name` happens once within `seconds`.

    Returns:
        The stage, and when the act begins and ends.

    Raises:
        RuntimeError: When no draw fits, which a clip long enough for a walk of three metres
            never runs into.
    """
    act = ACTS[name]
    for _ in range(MOST_DRAWS):
        stage = set_stage(rng, site, act)
        if stage is None:
            continue
        start, heading = stage.excavator.place, stage.excavator.heading
        before = [(member, member.timeline.busy_until) for member in stage.crew]
        span = act.perform(stage, rng, 0.0, seconds - MARGIN_SECONDS)
        turned = abs(stage.excavator.heading - heading)
        if span is None or (act.aligned != 'any' and turned > MOST_TURNED):
            continue
        busy = [member for member, until in before if member.timeline.busy_until > until]
        enliven(stage, rng, (0.0, seconds), swept_areas(stage, start), busy)
        return stage, span
    raise RuntimeError(f'no stage found for the act {name!r} within {seconds} s: make clips longer')


def swept_areas(stage: Stage, start: FloatArray) -> list[Circle]:
    """The machine's areas along its way from `start` to where it is in the end."""
    areas = []
    for share in (0.0, 0.33, 0.67):
        place = start + share * (stage.excavator.place - start)
        areas += [stage.body(place), stage.bucket_area(place), stage.cabin_area(place)]
    return areas
