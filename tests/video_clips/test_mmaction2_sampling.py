"""The model of mmaction2's SampleFrames against the transform itself."""

import itertools
from dataclasses import asdict

import numpy as np
import pytest

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.sampling import Mmaction2Sampler


def test_the_default_wraps_a_short_clip():
    frames = Mmaction2Sampler(8, 32, test_mode=True).sample(60)
    assert frames.tolist() == [[0, 32, 4, 36, 8, 40, 12, 44]]
    frames = Mmaction2Sampler(8, 32, 1, 'repeat_last', test_mode=True).sample(60)
    assert frames.tolist() == [[0, 32, 32, 32, 32, 32, 32, 32]]


OPTIONS = [
    {'out_of_bound_opt': 'repeat_last'},
    {'keep_tail_frames': True},
    {'temporal_jitter': True},
    {'target_fps': 30},
    {'target_fps': 10, 'out_of_bound_opt': 'repeat_last'},
    {},
]


@pytest.mark.parametrize('test_mode', [True, False])
@pytest.mark.parametrize('options', OPTIONS)
@pytest.mark.parametrize(('clip_len', 'interval', 'num_clips'), [(8, 32, 1), (1, 1, 3), (4, 2, 5)])
def test_equals_the_transform(clip_len, interval, num_clips, options, test_mode):
    settings = [options]
    if test_mode and num_clips > 1:
        settings.append({**options, 'twice_sample': True})
    lengths = [1, 2, 7, 30, 60, 225, 226, 256, 257, 300]
    for setting, num_frames in itertools.product(settings, lengths):
        sampler = Mmaction2Sampler(clip_len, interval, num_clips, test_mode=test_mode, **setting)
        transform = TRANSFORMS.build({'type': 'mmaction.SampleFrames', **asdict(sampler)})
        np.random.seed(num_frames)
        clip = {'total_frames': num_frames, 'start_index': 0, 'avg_fps': 25.0}
        theirs = transform(clip)['frame_inds']
        ours = sampler.sample(num_frames, 25.0, np.random.RandomState(num_frames))
        assert ours.reshape(-1).tolist() == theirs.tolist(), (setting, num_frames)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'out_of_bound_opt': 'wrap'}, "must be 'loop' or 'repeat_last'"),
        ({'test_mode': False}, 'pass rng'),
        ({'temporal_jitter': True, 'target_fps': 30}, 'exclude each other'),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Mmaction2Sampler(8, 32, **{'test_mode': True, **options}).sample(60)
