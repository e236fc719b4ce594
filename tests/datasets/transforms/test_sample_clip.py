"""Choosing frames: the rules are tested where they live, here what the transform makes of them."""

import numpy as np
import pytest

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.video import VideoError


def sampled(results=None, **options):
    transform = TRANSFORMS.build({'type': 'SampleClip', 'clip_len': 8, **options})
    return transform({'total_frames': 60, 'start_index': 0, **(results or {})})


def test_keys_and_types_are_those_of_sample_frames():
    options = {'clip_len': 8, 'frame_interval': 4, 'num_clips': 2, 'test_mode': True}
    results = {'total_frames': 60, 'start_index': 0}
    theirs = TRANSFORMS.build({'type': 'SampleFrames', **options})(dict(results))
    ours = sampled(**options)
    assert set(ours) == set(theirs)
    assert ours['frame_inds'].dtype == theirs['frame_inds'].dtype
    assert ours['frame_inds'].tolist() == theirs['frame_inds'].tolist()
    assert [ours[k] for k in ('clip_len', 'frame_interval', 'num_clips')] == [8, 4, 2]


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'frame_interval': 32}, [0, 32, 59, 59, 59, 59, 59, 59]),
        ({'frame_interval': 32, 'out_of_bound': 'shrink_interval'}, [1, 9, 17, 25, 33, 41, 49, 57]),
        ({'frame_interval': 32, 'out_of_bound': 'uniform'}, [3, 11, 18, 26, 33, 41, 48, 56]),
        ({}, [3, 11, 18, 26, 33, 41, 48, 56]),
        ({'span_seconds': 1.6}, [22, 24, 26, 28, 30, 32, 34, 36]),
    ],
)
def test_rules(options, expected):
    results = {'frame_seconds': np.arange(60) / 10}
    assert sampled(results, test_mode=True, **options)['frame_inds'].tolist() == expected


def test_numbers_start_where_the_clip_does():
    """A part of a video starts at its own first frame, raw frames at 1."""
    whole = sampled(frame_interval=2, test_mode=True)['frame_inds']
    shifted = sampled({'start_index': 100}, frame_interval=2, test_mode=True)['frame_inds']
    assert (shifted - whole == 100).all()


def test_a_span_of_raw_frames_needs_their_rate():
    results = sampled({'avg_fps': 10}, span_seconds=1.6, test_mode=True)
    assert results['frame_inds'].tolist() == [22, 24, 26, 28, 30, 32, 34, 36]
    with pytest.raises(ValueError, match='put OpenVideo before SampleClip'):
        sampled(span_seconds=1.6, test_mode=True)


def test_training_follows_numpys_seed():
    def draw(seed):
        np.random.seed(seed)
        return [sampled(frame_interval=2)['frame_inds'].tolist() for _ in range(5)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert len({tuple(frames) for frames in draw(1)}) > 1


def test_a_clip_that_is_too_short_is_named():
    with pytest.raises(VideoError, match=r'x\.mp4: has 60 frames; 8 at interval 32 need 225'):
        sampled({'filename': 'x.mp4'}, frame_interval=32, out_of_bound='error', test_mode=True)
    with pytest.raises(VideoError, match='frames/x: has 60 frames'):
        sampled({'frame_dir': 'frames/x'}, frame_interval=32, out_of_bound='error')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'frame_interval': 2, 'span_seconds': 1.0}, 'not both'),
        ({'out_of_bound': 'loop'}, "must be one of .*, got 'loop'"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        sampled(**options)


def test_repr_tells_everything():
    transform = TRANSFORMS.build({'type': 'SampleClip', 'clip_len': 8, 'span_seconds': 2.0})
    assert repr(transform) == (
        'SampleClip(clip_len=8, frame_interval=None, span_seconds=2.0, num_clips=1, '
        "out_of_bound='repeat_last', test_mode=False)"
    )
