"""Sampling rules: worked out by hand first, then what must hold for every clip."""

import re

import numpy as np
import pytest

from video_clips.sampling import (
    SHORT_CLIP_RULES,
    ClipTooShortError,
    frames_between,
    frames_needed,
    frames_on_show,
    largest_interval,
    sample_frames,
    sample_span,
    sample_uniformly,
)


def at(fps, num_frames):
    """When the frames of a video with a constant rate are shown."""
    return np.arange(num_frames) / fps


@pytest.mark.parametrize(
    ('short_clip', 'expected'),
    [
        ('repeat_last', [0, 32, 59, 59, 59, 59, 59, 59]),
        ('shrink_interval', [1, 9, 17, 25, 33, 41, 49, 57]),  # interval 8 leaves 3 frames of room
        ('uniform', [3, 11, 18, 26, 33, 41, 48, 56]),  # the middles of eighths of 60
    ],
)
def test_8_frames_at_interval_32_of_60(short_clip, expected):
    frames = sample_frames(60, 8, 32, short_clip=short_clip)
    assert frames.tolist() == [expected]


@pytest.mark.parametrize(
    ('short_clip', 'expected'),
    [('repeat_last', [0, 2, 2, 2]), ('shrink_interval', [0, 1, 2, 2]), ('uniform', [0, 1, 1, 2])],
)
def test_fewer_frames_than_wanted(short_clip, expected):
    assert sample_frames(3, 4, 2, short_clip=short_clip).tolist() == [expected]


def test_error_rule_says_what_is_missing():
    with pytest.raises(ClipTooShortError, match='has 224 frames; 8 at interval 32 need 225'):
        sample_frames(224, 8, 32, short_clip='error')
    assert sample_frames(225, 8, 32, short_clip='error')[0, -1] == 224


def test_testing_takes_the_middle_or_spreads_from_start_to_end():
    assert sample_frames(20, 3, 4).tolist() == [[5, 9, 13]]  # room for starts 0..11
    three = sample_frames(20, 3, 4, num_clips=3)
    assert three.tolist() == [[0, 4, 8], [5, 9, 13], [11, 15, 19]]


def test_training_reaches_every_start_and_each_part_gets_one(rng):
    starts = np.concatenate([sample_frames(20, 3, 4, 2, rng=rng)[:, 0] for _ in range(500)])
    assert set(starts.tolist()) == set(range(12))
    assert set(starts[::2].tolist()) == set(range(6))


def test_uniform_takes_one_frame_of_each_part(rng):
    parts = np.stack([sample_uniformly(40, 4, rng=rng)[0] // 10 for _ in range(50)])
    assert (parts == [0, 1, 2, 3]).all()
    two = sample_uniformly(40, 4, num_clips=2)
    assert two.tolist() == [[2, 12, 22, 32], [7, 17, 27, 37]]


@pytest.mark.parametrize('fps', [10, 25, 29.97, 60])
def test_a_span_of_seconds_shows_the_same_moments_at_any_rate(fps):
    """4 steps of 1 s of a 10 s video: the middle start is at 3.5 s less half a frame."""
    frames = sample_span(at(fps, round(10 * fps)), 4, 4.0)
    moments = frames[0] / fps
    np.testing.assert_allclose(moments, [3.5, 4.5, 5.5, 6.5], atol=1.5 / fps)
    if fps == 10:
        assert frames.tolist() == [[34, 44, 54, 64]]


def test_a_span_is_an_interval_where_the_rate_is_constant(rng):
    """T I / F seconds: in testing the very same frames, in training the same starts as often."""
    for num_frames in (225, 226, 300, 1000):
        by_frames = sample_frames(num_frames, 8, 32, 3)
        by_time = sample_span(at(25, num_frames), 8, 8 * 32 / 25, 3)
        assert np.array_equal(by_frames, by_time)
    starts = {int(sample_span(at(25, 230), 8, 8 * 32 / 25, rng=rng)[0, 0]) for _ in range(200)}
    assert starts == set(range(6))


def test_a_span_of_a_video_with_a_changing_rate():
    """Two frames a second, then ten: what is on show at 0, 1, 2 and 3 seconds."""
    seconds = np.array([0, 0.5, 1.0, 1.5, 2.0, *np.arange(2.1, 3.05, 0.1)])
    assert sample_span(seconds, 4, 4.0).tolist() == [[0, 2, 4, 14]]


@pytest.mark.parametrize(
    ('short_clip', 'expected'),
    [
        ('repeat_last', [0, 10, 19, 19]),
        ('shrink_interval', [0, 6, 12, 19]),
        ('uniform', [2, 7, 12, 17]),
    ],
)
def test_a_span_longer_than_the_clip(short_clip, expected):
    """Steps of 1 s in 2 s at 10 frames a second."""
    frames = sample_span(at(10, 20), 4, 4.0, short_clip=short_clip)
    assert frames.tolist() == [expected]


def test_span_error_rule():
    with pytest.raises(ClipTooShortError, match=re.escape('lasts 2.000 s; 4 steps of 1.000 s')):
        sample_span(at(10, 20), 4, 4.0, short_clip='error')
    # 3.1 s: the fourth step begins at 3.0 s, while the last frame is on show.
    frames = sample_span(at(10, 31), 4, 4.0, short_clip='error')
    assert frames.tolist() == [[0, 10, 20, 30]]


def test_one_frame_of_one():
    for rule in SHORT_CLIP_RULES:
        assert sample_frames(1, 1, 1, short_clip=rule).tolist() == [[0]]
        assert sample_span([0.0], 1, 2.0, short_clip=rule).tolist() == [[0]]
    assert sample_span([0.0], 3, 2.0).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize('is_training', [True, False])
@pytest.mark.parametrize('short_clip', [rule for rule in SHORT_CLIP_RULES if rule != 'error'])
def test_time_never_runs_backwards_and_frames_exist(rng, short_clip, is_training):
    for _ in range(200):
        num_frames, clip_len, interval, num_clips = rng.integers(1, [80, 12, 20, 4]).tolist()
        options = {'short_clip': short_clip, 'rng': rng if is_training else None}
        samples = [
            sample_frames(num_frames, clip_len, interval, num_clips, **options),
            sample_span(
                at(25, num_frames), clip_len, clip_len * interval / 25, num_clips, **options
            ),
        ]
        for frames in samples:
            assert frames.shape == (num_clips, clip_len)
            assert frames.dtype == np.int64
            assert frames.min() >= 0
            assert frames.max() < num_frames
            assert (np.diff(frames, axis=1) >= 0).all()
            if num_frames >= frames_needed(clip_len, interval):
                assert (np.diff(frames, axis=1) == interval).all()


@pytest.mark.parametrize(
    ('num_frames', 'clip_len', 'largest'), [(225, 8, 32), (224, 8, 31), (7, 8, 0), (9, 1, 8)]
)
def test_largest_interval_is_the_last_that_fits(num_frames, clip_len, largest):
    assert largest_interval(num_frames, clip_len) == largest
    assert frames_needed(clip_len, largest) <= num_frames


def test_frames_on_show():
    seconds = np.array([0.0, 0.4, 0.8])
    moments = np.array([-1.0, 0.0, 0.39, 0.4 - 1e-9, 0.79, 5.0])
    assert frames_on_show(seconds, moments).tolist() == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ('start', 'end', 'expected'),
    [(None, None, (0, 50)), (1.0, 2.0, (10, 20)), (0.95, 2.01, (10, 21)), (4.9, None, (49, 50))],
)
def test_frames_between(start, end, expected):
    assert frames_between(at(10, 50), start, end) == expected


def test_frames_between_needs_a_frame():
    with pytest.raises(
        ValueError, match=re.escape('no frame from 5.0 s to the end; its frames are')
    ):
        frames_between(at(10, 50), 5.0, None)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'num_frames': 0}, 'num_frames must be at least 1, got 0'),
        ({'frame_interval': 0}, 'frame_interval must be at least 1'),
        ({'short_clip': 'loop'}, "short_clip must be one of ('repeat_last'"),
    ],
)
def test_arguments_are_checked(arguments, message):
    valid = {'num_frames': 9, 'clip_len': 2, 'frame_interval': 1}
    with pytest.raises(ValueError, match=re.escape(message)):
        sample_frames(**{**valid, **arguments})
    if 'frame_interval' not in arguments:
        return
    with pytest.raises(ValueError, match='span_seconds must be above 0'):
        sample_span([0.0, 1.0], 2, 0.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
