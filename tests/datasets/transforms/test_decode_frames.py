"""Decoding: Decord's pictures and keys, and pictures that belong to one frame each."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmaction_timesformer.registry import TRANSFORMS
from tests.data_analysis.rendering import number_in
from tests.data_analysis.videos import render_pictures

OURS = ('OpenVideo', 'DecodeFrames')
DECORD = ('DecordInit', 'DecordDecode')


def decoded(path, readers, frames, **decode_options):
    return decoded_by({'type': readers[0]}, {'type': readers[1], **decode_options}, path, frames)


def decoded_by(opening, decoding, path, frames):
    results = TRANSFORMS.build(opening)({'filename': str(path), 'start_index': 0})
    results['frame_inds'] = np.array(frames)
    return TRANSFORMS.build(decoding)(results)


@pytest.mark.parametrize('name', ['a.mp4', 'd.mkv'])
def test_pictures_and_keys_are_those_of_decord(clips, name):
    ours, theirs = (decoded(clips / name, readers, [9, 2, 2, 11]) for readers in (OURS, DECORD))
    assert np.array_equal(ours['imgs'], theirs['imgs'])
    assert [number_in(picture) for picture in ours['imgs']] == [9, 2, 2, 11]
    assert set(ours) == {*theirs, 'frame_seconds'}
    assert ours['img_shape'] == ours['original_shape'] == theirs['img_shape'] == (48, 64)
    assert ours['video_reader'] is None


def test_pictures_of_real_video_are_those_of_decord(real_videos):
    for name in sorted((real_videos / 'railway4').glob('*/*.mp4'))[::120]:
        frames = [0, 90, 45, 91]
        ours, theirs = (decoded(name, readers, frames) for readers in (OURS, DECORD))
        assert np.array_equal(ours['imgs'], theirs['imgs']), name


def test_a_frame_that_comes_twice_is_two_pictures(clips):
    first, second = decoded(clips / 'a.mp4', OURS, [5, 5])['imgs']
    first[:] = 0
    assert number_in(second) == 5


@pytest.mark.parametrize('short_side', [24, 100])
def test_short_side_is_resize_done_early(clips, short_side):
    early = decoded(clips / 'a.mp4', OURS, [3, 7], short_side=short_side)
    late = TRANSFORMS.build({'type': 'Resize', 'scale': (-1, short_side)})(
        decoded(clips / 'a.mp4', OURS, [3, 7])
    )
    assert np.array_equal(early['imgs'], late['imgs'])
    assert early['img_shape'] == late['img_shape']
    assert early['original_shape'] == (48, 64)
    with pytest.raises(ValueError, match='at least 1 pixel'):
        TRANSFORMS.build({'type': 'DecodeFrames', 'short_side': 0})


@pytest.mark.parametrize('sampler', ['SampleFrames', 'UniformSample', 'DenseSampleFrames'])
def test_mmaction2s_samplers_stay_inside_a_part_of_a_video(clips, sampler):
    """They know nothing of start and end times, and need not."""
    options = {'frame_interval': 1} if sampler != 'UniformSample' else {}
    pipeline = Compose(
        [
            {'type': 'OpenVideo'},
            {'type': sampler, 'clip_len': 3, **options},
            {'type': 'DecodeFrames'},
        ]
    )
    clip = {'filename': str(clips / 'a.mp4'), 'start_seconds': 0.4, 'end_seconds': 0.8}
    for _ in range(20):
        results = pipeline({**clip, 'start_index': 0})
        assert {number_in(picture) for picture in results['imgs']} <= {4, 5, 6, 7}


def test_the_crops_that_follow_find_their_keys(clips):
    pipeline = Compose(
        [
            {'type': 'OpenVideo'},
            {'type': 'SampleClip', 'clip_len': 4, 'num_clips': 2, 'test_mode': True},
            {'type': 'DecodeFrames'},
            {'type': 'Resize', 'scale': (-1, 32)},
            {'type': 'ThreeCrop', 'crop_size': 32},
            {'type': 'FormatShape', 'input_format': 'NCTHW'},
            {'type': 'PackActionInputs'},
        ]
    )
    clip = {'filename': str(clips / 'a.mp4'), 'start_index': 0, 'label': 2}
    packed = pipeline(clip)
    assert packed['inputs'].shape == (2 * 3, 3, 4, 32, 32)
    assert packed['data_samples'].img_shape == (32, 32)
    assert packed['data_samples'].gt_label.tolist() == [2]


def test_repr_tells_everything():
    transform = TRANSFORMS.build({'type': 'DecodeFrames', 'short_side': 256})
    assert repr(transform) == 'DecodeFrames(short_side=256)'


def test_pictures_may_be_changed_in_place(clips):
    for picture in decoded(clips / 'a.mp4', OURS, [3, 7])['imgs']:
        assert picture.flags.writeable
        assert picture.flags.c_contiguous


def test_skipping_the_loop_filter_changes_pixels_and_little_else(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    pictures = [np.roll(noise, shift, axis=1) for shift in range(12)]
    path = render_pictures(tmp_path / 'coarse.mp4', pictures, crf=35)
    exact, fast = (
        decoded_by(
            {'type': 'OpenVideo', 'skip_loop_filter': skipped}, {'type': 'DecodeFrames'}, path, [9]
        )['imgs'][0].astype(int)
        for skipped in (False, True)
    )
    assert 0 < np.abs(exact - fast).mean() < 10
