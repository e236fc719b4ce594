"""Long recordings in which one thing happens after another, with the dangers' true times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .acts import ACTS, OTHER, Act, enliven
from .casting import set_stage, swept_areas
from .site import Site
from .stage import Stage

REST_SECONDS = (0.5, 3.0)
ACT_SECONDS = (4.0, 7.0)
DANGER_SHARE = 0.55
"""How often a danger is tried first, where the state of affairs allows one."""


@dataclass(frozen=True)
class DangerEvent:
    """A danger and when it came about.

    Args:
        label: Its class.
        start_seconds: When the worker sets off or the machine starts to roll.
        end_seconds: When the worker has arrived or the machine stands on the track.
    """

    label: str
    start_seconds: float
    end_seconds: float


def _can_begin(stage: Stage, act: Act) -> bool:
    """Whether the state of affairs is one that `act` begins with."""
    stations = [member.station for member in stage.crew]
    if any(station in stations for station in act.empty):
        return False
    if act.station is not None and act.station not in stations:
        return False
    across = abs(stage.yard.position(stage.excavator.place)[1])
    return {'any': True, 'on': across < 1.0, 'beside': across > 2.5}[act.machine]


def stage_recording(
    rng: np.random.Generator, site: Site, seconds: float
) -> tuple[Stage, list[DangerEvent]]:
    """Plan `seconds` of life in the yard.

    Returns:
        The stage, and the dangers in order of time; they do not overlap.
    """
    stage = None
    while stage is None:
        stage = set_stage(rng, site, ACTS['pass_by'])
    events: list[DangerEvent] = []
    now = float(rng.uniform(*REST_SECONDS))
    while now < seconds - ACT_SECONDS[0]:
        now = max(now, stage.excavator.arm_busy_until)
        latest = min(now + rng.uniform(*ACT_SECONDS), seconds)
        end = _something_happens(stage, rng, now, latest, events)
        now = end + float(rng.uniform(*REST_SECONDS))
    return stage, events


def _something_happens(
    stage: Stage,
    rng: np.random.Generator,
    earliest: float,
    latest: float,
    events: list[DangerEvent],
) -> float:
    """Perform an act that fits, add it to `events` if it is a danger; returns when it ended."""
    possible = [act for act in ACTS.values() if _can_begin(stage, act)]
    weights = np.array([act.share for act in possible])
    danger = np.array([act.label != OTHER for act in possible])
    for kind in (danger, ~danger):
        if weights[kind].sum() > 0:
            share = DANGER_SHARE if kind is danger else 1 - DANGER_SHARE
            weights[kind] *= share / weights[kind].sum()
    order = rng.choice(len(possible), len(possible), replace=False, p=weights / weights.sum())
    for index in order:
        act = possible[index]
        start = stage.excavator.place
        before = [(member, member.timeline.busy_until) for member in stage.crew]
        span = act.perform(stage, rng, earliest, latest)
        if span is None:
            continue
        if act.label != OTHER:
            events.append(DangerEvent(act.label, round(span[0], 3), round(span[1], 3)))
        busy = [member for member, until in before if member.timeline.busy_until > until]
        enliven(stage, rng, (earliest, latest), swept_areas(stage, start), busy)
        return latest
    return latest
