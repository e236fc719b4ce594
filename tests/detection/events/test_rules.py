"""Rules out of a config."""

import pytest

from mmaction_timesformer.detection.events.rules import EventRule, make_rules
from mmaction_timesformer.inference.recognizer import make_fingerprint

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')


def test_every_class_but_other_is_a_danger_unless_said_otherwise():
    rules = make_rules(CLASSES, None, {'enter': 0.8})
    assert list(rules) == list(CLASSES[:3])
    assert all(rule == EventRule(enter=0.8) for rule in rules.values())


def test_a_class_changes_the_defaults():
    rules = make_rules(
        CLASSES, {'Cabin-Worker': {'enter': 0.9}, 'Bucket-Worker': {}}, {'leave': 0.3}
    )
    assert list(rules) == ['Bucket-Worker', 'Cabin-Worker']
    assert rules['Cabin-Worker'] == EventRule(enter=0.9, leave=0.3)
    assert rules['Bucket-Worker'] == EventRule(leave=0.3)


def test_a_new_field_at_its_default_is_in_no_fingerprint():
    # As was written into the fingerprints of folders before rules could look back.
    before = (
        "EventRule(smoothing='ema', smoothing_seconds=2.0, enter=0.7, leave=0.4, min_seconds=2.0, "
        'merge_gap_seconds=2.0, cooldown_seconds=0.0, widen_seconds=0.0)'
    )
    now = [EventRule(enter=0.7), EventRule(enter=0.7, lookback_seconds=2.0)]
    assert make_fingerprint('weights', {'A': now[0]}) == make_fingerprint('weights', {'A': before})
    assert make_fingerprint('weights', {'A': now[1]}) != make_fingerprint('weights', {'A': before})


@pytest.mark.parametrize(
    ('dangers', 'defaults', 'message'),
    [
        (['Other'], {}, 'Other'),
        (['Forklift'], {}, 'Forklift'),
        ([], {}, 'empty'),
        (None, {'entre': 0.5}, 'entre'),
        (None, {'enter': 0.3, 'leave': 0.5}, 'leave'),
        (None, {'enter': 1.5}, 'enter'),
        (None, {'min_seconds': -1}, 'min_seconds'),
        (None, {'smoothing': 'median'}, 'median'),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(dangers, defaults, message):
    with pytest.raises(ValueError, match=message):
        make_rules(CLASSES, dangers, defaults)
