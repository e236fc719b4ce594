"""Acts deserve their names, judged by the poses alone, moment by moment."""

import numpy as np
import pytest

from demo_yard.acting import casting
from demo_yard.acting.acts import ACTS, LABELS, choose_act
from demo_yard.acting.casting import stage_clip
from demo_yard.acting.stage import Circle
from demo_yard.acting.timelines import ExcavatorTimeline
from demo_yard.scene.excavator import BODY_RADIUS
from demo_yard.scene.site import Site
from demo_yard.scene.yard import BESIDE_METRES

SECONDS = 4.0
SEEDS = range(6)


def stage_of(name, seed):
    rng = np.random.default_rng(seed)
    site = Site.sample(rng, 320, 240)
    stage, span = stage_clip(rng, site, name, SECONDS)
    return site, stage, span


def ways(stage):
    """Places (T, 2) of each worker and of the machine over the clip."""
    moments = np.linspace(0, SECONDS, 41)
    workers = [
        np.array([(p.x, p.y) for p in map(member.timeline.pose, moments)]) for member in stage.crew
    ]
    machine = np.array([(p.x, p.y) for p in map(stage.excavator.pose, moments)])
    return workers, machine


def entered(area: Circle, way) -> bool:
    return not area.holds(way[0]) and area.holds(way[-1])


def left(area: Circle, way) -> bool:
    return area.holds(way[0]) and not area.holds(way[-1])


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(
    ('name', 'area', 'change'),
    [
        ('enter_swing_area', 'bucket_area', entered),
        ('walk_up_to_cabin', 'cabin_area', entered),
        ('leave_swing_area', 'bucket_area', left),
        ('leave_cabin', 'cabin_area', left),
    ],
)
def test_one_worker_changes_the_area(name, area, change, seed):
    _, stage, (start, end) = stage_of(name, seed)
    workers, machine = ways(stage)

    assert sum(change(getattr(stage, area)(), way) for way in workers) == 1
    assert 0 <= start < end < SECONDS
    assert np.ptp(machine, axis=0).max() == 0


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('name', [name for name, act in ACTS.items() if act.label == 'Other'])
def test_nobody_enters_a_danger_in_other(name, seed):
    site, stage, _ = stage_of(name, seed)
    workers, machine = ways(stage)
    across = [site.yard.position(place)[1] for place in (machine[0], machine[-1])]

    assert not any(entered(stage.bucket_area(), way) for way in workers)
    assert not any(entered(stage.cabin_area(), way) for way in workers)
    assert not (abs(across[0]) > 2.5 and abs(across[1]) < 1.0)


@pytest.mark.parametrize('seed', SEEDS)
def test_machine_rolls_onto_the_track_and_off_it(seed):
    for name, order in (('roll_onto_track', 1), ('roll_off_track', -1)):
        site, stage, (start, end) = stage_of(name, seed)
        first, last = (
            abs(site.yard.position(place)[1]) for place in ways(stage)[1][[0, -1]][::order]
        )
        pose = stage.excavator.pose(end)

        assert first > 3.0
        assert last < 0.5
        assert end - start > 1.0
        np.testing.assert_allclose((pose.x, pose.y), ways(stage)[1][-1])


@pytest.mark.parametrize('seed', SEEDS)
def test_machine_that_points_along_the_track_rolls_onto_it_at_home(seed):
    site, stage, _ = stage_of('drive_along', seed)
    beside = site.yard.point(site.home_along, site.yard.side * BESIDE_METRES)
    stage.excavator = ExcavatorTimeline(beside, site.yard.track_angle, stage.excavator.slew, 0.0)
    stage.crew.clear()
    with np.errstate(all='raise'):
        span = ACTS['roll_onto_track'].perform(stage, np.random.default_rng(seed), 0.0, 8.0)
    along, across = site.yard.position(stage.excavator.place)

    assert span is not None
    assert abs(along - site.home_along) <= 0.5
    assert abs(across) < 0.5


@pytest.mark.parametrize('seed', SEEDS)
def test_machine_drives_along_without_crossing(seed):
    site, stage, _ = stage_of('drive_along', seed)
    start, end = (site.yard.position(place) for place in ways(stage)[1][[0, -1]])

    assert abs(start[0] - end[0]) > 2.0
    assert abs(start[1] - end[1]) < 0.01


@pytest.mark.parametrize('name', ACTS)
def test_nobody_walks_through_the_machine_or_leaves_the_picture(name):
    _, stage, _ = stage_of(name, 11)
    workers, machine = ways(stage)

    for way in workers:
        assert np.hypot(*(way - machine).T).min() > BODY_RADIUS - 0.05
        assert all(stage.in_picture(place) for place in way[[0, -1]])


@pytest.mark.parametrize('name', ['stand_still', 'dig'])
def test_nobody_comes_when_nothing_happens(name):
    _, stage, _ = stage_of(name, 2)
    workers, machine = ways(stage)

    assert np.ptp(machine, axis=0).max() == 0
    if name == 'dig':
        assert not any(stage.bucket_area().holds(place) for way in workers for place in way)


def test_every_label_has_acts():
    rng = np.random.default_rng(0)

    for label in LABELS:
        drawn = {choose_act(rng, label) for _ in range(300)}
        assert drawn == {name for name, act in ACTS.items() if act.label == label}


def test_clip_too_short_for_a_walk_says_so(monkeypatch):
    monkeypatch.setattr(casting, 'MOST_DRAWS', 20)
    rng = np.random.default_rng(0)
    site = Site.sample(rng, 320, 240)

    with pytest.raises(RuntimeError, match='make clips longer'):
        stage_clip(rng, site, 'enter_swing_area', 0.5)
