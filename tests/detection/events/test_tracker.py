"""From windows' scores to a source's events."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from mmaction_timesformer.detection.events.rules import EventRule, score_column
from mmaction_timesformer.detection.events.tracker import EventSettings, EventTracker, ScoredWindow
from mmaction_timesformer.detection.windows import WindowSettings

RULE = EventRule('none', enter=0.6, leave=0.4, min_seconds=0, merge_gap_seconds=0)
WINDOWS = WindowSettings(num_frames=8, span_seconds=8.0, hop_seconds=1.0)


def track(scores, end=20.0, begin=0.0, rule=RULE, model='', epoch=None):
    """Closed events of scores at their moments, for the classes A and B."""
    tracker = EventTracker(
        'gate', EventSettings(('A', 'B', 'Other'), {'A': rule, 'B': rule}, WINDOWS, model), epoch
    )
    tracker.begin(begin)
    changes = []
    for seconds, *values in scores:
        changes += tracker.push(ScoredWindow(seconds, seconds + 3.5, (*values, 0.0)))
    changes += tracker.finish(end)
    return [event for event in changes if event.state == 'closed']


def test_a_window_speaks_for_the_time_around_its_centre():
    (event,) = track([(4, 0, 0), (5, 0.9, 0), (6, 0.9, 0), (7, 0, 0)])
    assert (event.start_seconds, event.end_seconds) == (4.5, 6.5)
    assert event.alarm_seconds == 8.5


def test_the_first_window_speaks_for_all_before_it_and_the_last_for_all_after():
    first, last = track([(4, 0.9, 0), (5, 0, 0), (6, 0.9, 0)])
    assert (first.start_seconds, first.end_seconds) == (0.0, 4.5)
    assert (last.start_seconds, last.end_seconds) == (5.5, 20.0)
    (event,) = track([(104, 0.9, 0)], begin=100.0, end=109.0)
    assert (event.start_seconds, event.end_seconds) == (100.0, 109.0)


def test_no_event_is_widened_into_a_gap():
    scores = [(64, 0, 0), (65, 0.9, 0), (66, 0, 0)]
    for widen_seconds, start, end in ((2.0, 62.5, 67.5), (30.0, 60.0, 70.0)):
        rule = replace(RULE, widen_seconds=widen_seconds)
        (event,) = track(scores, begin=60.0, end=70.0, rule=rule)
        assert (event.start_seconds, event.end_seconds) == (start, end)


def test_classes_have_events_of_their_own():
    events = track([(4, 0.9, 0), (5, 0.9, 0.9), (6, 0, 0.9), (7, 0, 0)])
    assert [(e.label, e.start_seconds, e.end_seconds) for e in events] == [
        ('A', 0.0, 5.5),
        ('B', 4.5, 6.5),
    ]
    assert len({event.event_id for event in events}) == 2


def test_dropped_windows_do_not_end_an_event_that_the_model_has_seen():
    (event,) = track([(4, 0, 0), (5, 0.9, 0), (12, 0.9, 0), (13, 0, 0)])
    assert (event.start_seconds, event.end_seconds) == (4.5, 12.5)
    events = track([(4, 0, 0), (5, 0.9, 0), (14, 0.9, 0), (15, 0, 0)])
    assert [(e.start_seconds, e.end_seconds) for e in events] == [(4.5, 5.5), (13.5, 14.5)]


def test_a_rule_may_read_what_the_model_says_later_of_what_was():
    """A is seen at 5 and 6 s, which the model says at once, and surely 2 s later."""
    names = ('A', 'Other', 'A 2 s ago', 'Other 2 s ago')
    scores = {5: (0.5, 0.1), 6: (0.5, 0.1), 7: (0.1, 0.9), 8: (0.0, 0.8)}
    rule = replace(RULE, lookback_seconds=2.0)
    tracker = EventTracker('gate', EventSettings(names, {'A': rule}, WINDOWS))
    tracker.begin(0.0)
    changes = []
    for second in range(12):
        now, ago = scores.get(second, (0.0, 0.0))
        changes += tracker.push(ScoredWindow(second, second, (now, 1 - now, ago, 1 - ago)))
    (event,) = (change for change in changes if change.state == 'closed')
    assert (event.start_seconds, event.end_seconds, event.peak_score) == (4.5, 6.5, 0.9)
    assert event.alarm_seconds == 7
    with pytest.raises(ValueError, match=r"lookback_seconds=3, .* does not score 'A 3 s ago'"):
        score_column('A', replace(RULE, lookback_seconds=3.0), names)


def test_events_carry_the_source_the_model_and_the_time_of_day():
    epoch = datetime(2026, 5, 4, 23, 59, 58, tzinfo=timezone.utc)
    (event,) = track([(4, 0, 0), (5, 0.9, 0), (6, 0, 0)], model='tiny', epoch=epoch)
    assert (event.source, event.model) == ('gate', 'tiny')
    assert event.start_time == '2026-05-05T00:00:02.500+00:00'
    assert event.end_time == '2026-05-05T00:00:03.500+00:00'
