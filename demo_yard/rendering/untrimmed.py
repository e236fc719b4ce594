"""Long recordings in which one thing happens after another, with the dangers' true times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo_yard.acting.acts import ACTS, OTHER, Act, enliven
from demo_yard.acting.casting import set_stage, swept_areas
from demo_yard.acting.stage import Stage
from demo_yard.scene.site import Site

REST_SECONDS = (4.0, 12.0)
BRIEF_REST_SECONDS = (0.5, 4.0)
"""Between what windows are cut from, so that few of them show nothing at all."""
ACT_SECONDS = (4.0, 7.0)
SHARES = {'danger': 0.45, 'mirror': 0.35, 'calm': 0.2}
"""How often an act of each kind is tried first, where the state of affairs allows one."""
CREW_SIZE = 2
DRAWS_PER_ACT = 10
WINDOW_STAGE_SECONDS = 20.0
COVERED_LEAST, UNCOVERED_MOST = 0.8, 0.2
"""Shares of a danger in a window that shows it, and in one that does not."""
MOST_DRAWS = 300


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


def _kind(act: Act) -> str:
    """Which of `SHARES` an act belongs to."""
    if act.label != OTHER:
        return 'danger'
    return 'mirror' if act.mirrors else 'calm'


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
    rng: np.random.Generator,
    site: Site,
    seconds: float,
    rest_seconds: tuple[float, float] = REST_SECONDS,
) -> tuple[Stage, list[DangerEvent]]:
    """Plan `seconds` of life in the yard.

    Args:
        rng: Source of chance.
        site: Where it is.
        seconds: How long.
        rest_seconds: Shortest and longest pause between two acts.

    Returns:
        The stage, and the dangers in order of time; they do not overlap.
    """
    stage, changes = _stage_changes(rng, site, seconds, rest_seconds)
    return stage, [change for change in changes if change.label != OTHER]


def _stage_changes(
    rng: np.random.Generator, site: Site, seconds: float, rest_seconds: tuple[float, float]
) -> tuple[Stage, list[DangerEvent]]:
    """The stage, and the dangers and what undoes them, which is `Other`, in order of time."""
    stage = None
    while stage is None:
        stage = set_stage(rng, site, ACTS['pass_by'], CREW_SIZE)
    events: list[DangerEvent] = []
    now = float(rng.uniform(*rest_seconds))
    while now < seconds - ACT_SECONDS[0]:
        now = max(now, stage.excavator.arm_busy_until)
        latest = min(now + rng.uniform(*ACT_SECONDS), seconds)
        end = _something_happens(stage, rng, now, latest, events)
        now = end + float(rng.uniform(*rest_seconds))
    return stage, events


def stage_window(
    rng: np.random.Generator, site: Site, label: str, seconds: float, of_mirror: bool = False
) -> tuple[Stage, float]:
    """Cut a window out of life in the yard, wherever it shows `label`.

    Args:
        rng: Source of chance.
        site: Where it is.
        label: What the window is to show.
        seconds: How long it is.
        of_mirror: Whether it has to show how a danger is undone.

    Returns:
        The stage, and where in its time the window begins.

    Raises:
        RuntimeError: When no draw fits, because the window is too short for a danger.
    """
    for _ in range(MOST_DRAWS):
        stage, changes = _stage_changes(rng, site, WINDOW_STAGE_SECONDS, BRIEF_REST_SECONDS)
        dangers = [change for change in changes if change.label != OTHER]
        mirrors = [change for change in changes if change.label == OTHER]
        starts = rng.uniform(0, WINDOW_STAGE_SECONDS - seconds, DRAWS_PER_ACT).tolist()
        for start in starts:
            span = (start, start + seconds)
            shows_mirror = any(_share_inside(mirror, *span) >= COVERED_LEAST for mirror in mirrors)
            if window_label(dangers, *span) == label and (shows_mirror or not of_mirror):
                return stage, start
    raise RuntimeError(f'no window of {seconds} s shows {label}: make clips longer')


def window_label(
    events: Sequence[DangerEvent], start_seconds: float, end_seconds: float
) -> str | None:
    """Label of a window; None where it cuts a danger in half or shows two kinds."""
    shown = set()
    for event in events:
        share = _share_inside(event, start_seconds, end_seconds)
        if share >= COVERED_LEAST:
            shown.add(event.label)
        elif share > UNCOVERED_MOST:
            return None
    if len(shown) > 1:
        return None
    return shown.pop() if shown else OTHER


def _share_inside(event: DangerEvent, start_seconds: float, end_seconds: float) -> float:
    """Which share of an event lies in a span of time; negative when it is far away."""
    inside = min(end_seconds, event.end_seconds) - max(start_seconds, event.start_seconds)
    return inside / (event.end_seconds - event.start_seconds)


def _something_happens(
    stage: Stage,
    rng: np.random.Generator,
    earliest: float,
    latest: float,
    events: list[DangerEvent],
) -> float:
    """Perform an act that fits, note dangers and their mirrors; returns when it ended."""
    possible = [act for act in ACTS.values() if _can_begin(stage, act)]
    kinds = np.array([_kind(act) for act in possible])
    weights = np.array([act.share for act in possible])
    for kind, share in SHARES.items():
        weights[kinds == kind] *= share / max(weights[kinds == kind].sum(), 1e-9)
    order = rng.choice(len(possible), len(possible), replace=False, p=weights / weights.sum())
    for index in order:
        act = possible[index]
        start = stage.excavator.place
        before = [(member, member.timeline.busy_until) for member in stage.crew]
        draws = (act.perform(stage, rng, earliest, latest) for _ in range(DRAWS_PER_ACT))
        span = next((span for span in draws if span is not None), None)
        if span is None:
            continue
        if act.label != OTHER or act.mirrors:
            events.append(DangerEvent(act.label, round(span[0], 3), round(span[1], 3)))
        busy = [member for member, until in before if member.timeline.busy_until > until]
        enliven(stage, rng, (earliest, latest), swept_areas(stage, start), busy)
        return latest
    return latest
