import itertools

import numpy as np
import pytest

from demo_yard.rendering.untrimmed import DangerEvent, stage_recording, stage_window, window_label
from demo_yard.scene.site import Site

SECONDS = 240.0


@pytest.fixture(scope='module', params=range(3))
def recording(request):
    rng = np.random.default_rng(request.param)
    site = Site.sample(rng, 320, 240)
    return site, *stage_recording(rng, site, SECONDS)


def test_events_are_in_order_and_do_not_overlap(recording):
    _, _, events = recording

    assert len(events) >= 5
    assert events[0].start_seconds > 0
    assert events[-1].end_seconds < SECONDS
    for event in events:
        assert 0.8 < event.end_seconds - event.start_seconds < 8
    for event, following in itertools.pairwise(events):
        assert event.end_seconds < following.start_seconds


def test_every_danger_is_what_it_says(recording):
    """Told from the poses: somebody is nearer to the bucket or the cab, or the machine on track."""
    site, stage, events = recording
    for event in events:
        before, after = (
            np.array([(p.x, p.y) for p in (m.timeline.pose(t) for m in stage.crew)])
            for t in (event.start_seconds, event.end_seconds)
        )
        poses = [stage.excavator.pose(t) for t in (event.start_seconds, event.end_seconds)]
        places = [np.array([pose.x, pose.y]) for pose in poses]
        if event.label == 'Track-Excavator':
            first, last = (abs(site.yard.position(place)[1]) for place in places)
            assert first > 2.5
            assert last < 1.0
            continue
        area = stage.bucket_area if event.label == 'Bucket-Worker' else stage.cabin_area
        came = [
            not area(places[0]).holds(start) and area(places[1]).holds(end)
            for start, end in zip(before, after, strict=True)
        ]
        assert sum(came) == 1


def test_recordings_are_repeatable():
    def draw():
        rng = np.random.default_rng(7)
        return stage_recording(rng, Site.sample(rng, 320, 240), 60.0)[1]

    assert draw() == draw()


@pytest.mark.parametrize(
    ('start', 'end', 'label'),
    [
        (9.0, 13.0, 'Bucket-Worker'),
        (10.2, 13.0, 'Bucket-Worker'),
        (11.0, 15.0, None),
        (8.0, 11.0, None),
        (11.8, 15.0, 'Other'),
        (0.0, 4.0, 'Other'),
        (9.0, 24.0, None),
        (9.0, 32.0, None),
    ],
)
def test_a_window_has_the_label_of_what_it_covers(start, end, label):
    events = [
        DangerEvent('Bucket-Worker', 10.0, 12.0),
        DangerEvent('Cabin-Worker', 20.0, 30.0),
    ]
    assert window_label(events, start, end) == label


def test_a_window_shows_somebody_at_the_cabin_who_was_not_there():
    rng = np.random.default_rng(4)
    site = Site.sample(rng, 320, 240)
    for _ in range(5):
        stage, begin = stage_window(rng, site, 'Cabin-Worker', 4.0)
        # The stage's last word is not the window's: the machine may have moved on since.
        times = np.linspace(begin, begin + 4.0, 41)
        gaps = []
        for seconds in times:
            machine = stage.excavator.pose(seconds)
            cabin = stage.cabin_area(np.array([machine.x, machine.y])).center
            poses = [member.timeline.pose(seconds) for member in stage.crew]
            gaps.append([np.hypot(pose.x - cabin[0], pose.y - cabin[1]) for pose in poses])
        assert (np.ptp(gaps, axis=0)[np.min(gaps, axis=0) < 1.5] > 0.8).any()


def test_a_window_of_a_mirror_shows_a_danger_undone():
    rng = np.random.default_rng(5)
    site = Site.sample(rng, 320, 240)
    for _ in range(5):
        stage, begin = stage_window(rng, site, 'Other', 4.0, of_mirror=True)
        left = []
        for seconds in (begin, begin + 4.0):
            machine = stage.excavator.pose(seconds)
            place = np.array([machine.x, machine.y])
            poses = [member.timeline.pose(seconds) for member in stage.crew]
            areas = (stage.bucket_area(place), stage.cabin_area(place))
            near = sum(
                np.hypot(pose.x - area.center[0], pose.y - area.center[1]) < area.radius + 0.5
                for pose in poses
                for area in areas
            )
            left.append((near, abs(site.yard.position(place)[1]) < 1.0))
        (near_before, on_before), (near_after, on_after) = left
        assert near_after < near_before or (on_before and not on_after) or near_before == 2
