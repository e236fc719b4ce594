import itertools

import numpy as np
import pytest

from mmaction_timesformer.datasets.demo.site import Site
from mmaction_timesformer.datasets.demo.untrimmed import stage_recording

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
