"""Opening: mmaction2's keys, parts of a video, and files that cannot be used."""

import pickle
import re

import numpy as np
import pytest

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.video import VideoError

NAMES = ['a.mp4', 'with space/c.mp4']


def opened(path, **annotation):
    return TRANSFORMS.build({'type': 'OpenVideo'})(
        {'filename': str(path), 'start_index': 0, 'label': 1, **annotation}
    )


@pytest.mark.parametrize('name', NAMES)
def test_keys_are_those_of_decord(clips, name):
    ours = opened(clips / name)
    theirs = TRANSFORMS.build({'type': 'DecordInit'})(
        {'filename': str(clips / name), 'start_index': 0, 'label': 1}
    )
    assert set(ours) == {*theirs, 'frame_seconds'}
    assert ours['total_frames'] == theirs['total_frames']
    assert ours['avg_fps'] == pytest.approx(theirs['avg_fps'])
    np.testing.assert_allclose(ours['frame_seconds'], np.arange(ours['total_frames']) / 10)


def test_a_part_of_a_video(clips):
    results = opened(clips / 'a.mp4', start_seconds=0.3, end_seconds=0.8)
    assert (results['start_index'], results['total_frames']) == (3, 5)
    np.testing.assert_allclose(results['frame_seconds'], [0.3, 0.4, 0.5, 0.6, 0.7])


def test_a_part_that_does_not_exist(clips):
    message = f'{clips / "a.mp4"}: there is no frame from 5.0 s to 6.0 s; its frames are shown from'
    with pytest.raises(VideoError, match=re.escape(message)):
        opened(clips / 'a.mp4', start_seconds=5.0, end_seconds=6.0)


def test_a_name_without_suffix_means_mp4_as_in_mmaction2(clips):
    assert opened(clips / 'a')['total_frames'] == 12


@pytest.mark.parametrize(
    ('name', 'reason'),
    [('none.mp4', 'no such file'), ('empty.mp4', 'the file is empty'), ('text.mp4', 'cannot be')],
)
def test_reasons(clips, name, reason):
    with pytest.raises(VideoError, match=f'{name}: {reason}'):
        opened(clips / name)


def test_it_travels_to_workers_without_what_it_has_opened(clips):
    transform = TRANSFORMS.build({'type': 'OpenVideo', 'num_threads': 2})
    transform({'filename': str(clips / 'a.mp4'), 'start_index': 0})
    copy = pickle.loads(pickle.dumps(transform))
    assert repr(copy) == repr(transform)
    assert 'num_threads=2' in repr(copy)
    assert not copy._cache._indices
    assert copy({'filename': str(clips / 'a.mp4'), 'start_index': 0})['total_frames'] == 12


def test_the_choice_of_square_pixels_is_passed_on(clips):
    for choice in ('all', 'never'):
        build = {'type': 'OpenVideo', 'square_pixels': choice}
        results = TRANSFORMS.build(build)({'filename': str(clips / 'a.mp4'), 'start_index': 0})
        assert results['video_reader']._square_pixels == choice
    with pytest.raises(ValueError, match=r"must be one of .* got 'some'"):
        TRANSFORMS.build({'type': 'OpenVideo', 'square_pixels': 'some'})
