import functools
import operator
from collections import Counter

import numpy as np
import pytest

from demo_yard.acting.acts import ACTS
from demo_yard.rendering.plan import (
    CLASS_SHARES,
    MIRROR_WINDOW,
    WINDOW,
    class_counts,
    plan_clips,
    plan_windows,
    split_recordings,
)


def test_shares_of_the_real_set_come_out():
    assert class_counts(1644) == CLASS_SHARES
    assert class_counts(100) == {
        'Track-Excavator': 21,
        'Bucket-Worker': 29,
        'Cabin-Worker': 19,
        'Other': 31,
    }


@pytest.mark.parametrize('num_clips', [4, 17, 123])
def test_all_clips_are_dealt(num_clips):
    assert sum(class_counts(num_clips).values()) == num_clips


def test_plan():
    plans = plan_clips(300, clips_per_recording=6, seconds=4.0, seed=3)

    assert Counter(plan.label for plan in plans) == class_counts(300)
    assert {plan.recording for plan in plans} == set(range(50))
    assert len({plan.path for plan in plans}) == 300
    assert all(plan.label == ACTS[plan.act].label for plan in plans)
    assert plans == plan_clips(300, clips_per_recording=6, seconds=4.0, seed=3)
    assert plans != plan_clips(300, clips_per_recording=6, seconds=4.0, seed=4)


def test_length_and_number_do_not_tell_the_class():
    plans = plan_clips(4000, clips_per_recording=5, seconds=4.0, seed=0)

    for label in CLASS_SHARES:
        seconds = np.array([plan.seconds for plan in plans if plan.label == label])
        numbers = np.array([plan.clip for plan in plans if plan.label == label])
        assert abs(seconds.mean() - 4.0) < 0.06
        assert 3.4 <= seconds.min() < 3.45
        assert 4.55 < seconds.max() <= 4.6
        assert abs(numbers.mean() - 2.0) < 0.2


def test_file_names_hold_the_recording():
    plan = plan_clips(12, clips_per_recording=4, seconds=4.0, seed=0)[-1]

    assert plan.path == f'{plan.label}/rec002_clip03.mp4'


def test_splits_share_no_recording():
    splits = split_recordings(50, seed=0)

    assert {name: len(recordings) for name, recordings in splits.items()} == {
        'train': 35,
        'val': 5,
        'test': 10,
    }
    assert sorted(functools.reduce(operator.iadd, splits.values(), [])) == list(range(50))


@pytest.mark.parametrize(('num_clips', 'per_recording'), [(3, 1), (100, 60), (100, 0)])
def test_too_few_clips_are_refused(num_clips, per_recording):
    with pytest.raises(ValueError, match='too few'):
        plan_clips(num_clips, per_recording, seconds=4.0, seed=0)


def test_windows_are_cut_from_training_recordings_alone():
    clips = plan_clips(60, clips_per_recording=6, seconds=4.0, seed=3)
    windows = plan_windows(40, clips, seconds=4.0, seed=3)

    assert {plan.recording for plan in windows} == set(split_recordings(10, seed=3)['train'])
    assert Counter(plan.act for plan in windows) == {WINDOW: 28, MIRROR_WINDOW: 12}
    assert len({plan.path for plan in clips + windows}) == 100
    assert Counter(plan.label for plan in windows) == {
        'Track-Excavator': 4,
        'Bucket-Worker': 8,
        'Cabin-Worker': 8,
        'Other': 20,
    }
    assert len({(plan.recording, plan.clip) for plan in clips + windows}) == 100
