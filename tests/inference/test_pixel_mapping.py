"""Maps come back onto the pixels that the model saw, through mmaction2's own transforms."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmaction_timesformer.inference.pixel_mapping import PixelMaps, View, trace

HEIGHT, WIDTH, NUM_FRAMES = 48, 96, 20
MARK = (20, 30)  # row and column of the middle of a white square of 8 pixels


class MakePictures:
    """Stands for decoding: grey pictures with a white square that moves one pixel a frame."""

    def __init__(self, frames):
        self.frames = np.array(frames)

    def __call__(self, results):
        pictures = []
        for number in self.frames:
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            row, column = MARK
            picture[row - 4 : row + 4, column - 4 + number : column + 4 + number] = 255
            pictures.append(picture)
        results.update(
            imgs=pictures,
            frame_inds=self.frames,
            img_shape=(HEIGHT, WIDTH),
            original_shape=(HEIGHT, WIDTH),
            avg_fps=10.0,
        )
        return results


def run(*transforms, frames=(0, 4, 8, 12), num_clips=1):
    init_default_scope('mmaction')
    shape = dict(num_clips=num_clips, clip_len=len(frames) // num_clips)
    pipeline = Compose(
        [
            MakePictures(frames),
            *transforms,
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs'),
        ]
    )
    return trace(pipeline.transforms, dict(filename='x.mp4', label=0, modality='RGB', **shape))


def centre(map_):
    """Centre of mass (row, column) of a map, in pixels."""
    rows, columns = np.mgrid[: map_.shape[0], : map_.shape[1]]
    map_ = np.nan_to_num(map_)
    return (map_ * rows).sum() / map_.sum(), (map_ * columns).sum() / map_.sum()


def brightness(inputs, patch=4):
    """A map that is right by construction: the mean light of each patch, above the ground."""
    light = inputs.float().mean(dim=1) - 40
    return torch.nn.functional.avg_pool3d(light, (1, patch, patch))


GEOMETRIES: dict[str, list] = {
    'resized': [dict(type='Resize', scale=(-1, 32))],
    'squeezed': [dict(type='Resize', scale=(40, 40), keep_ratio=False)],
    'enlarged': [dict(type='Resize', scale=(-1, 64))],
    'middle': [dict(type='Resize', scale=(-1, 64)), dict(type='CenterCrop', crop_size=64)],
    'three crops': [dict(type='Resize', scale=(-1, 64)), dict(type='ThreeCrop', crop_size=64)],
    'ten crops': [dict(type='Resize', scale=(-1, 64)), dict(type='TenCrop', crop_size=48)],
    'mirrored': [dict(type='Resize', scale=(-1, 32)), dict(type='Flip', flip_ratio=1.0)],
    'untouched': [],
}


@pytest.mark.parametrize('name', GEOMETRIES)
def test_a_square_comes_back_to_its_place(name):
    clip = run(*GEOMETRIES[name])
    maps = PixelMaps(clip.views, brightness(clip.inputs))
    assert maps.frame_numbers.tolist() == [0, 4, 8, 12]
    for number, picture in zip(clip.frame_numbers, clip.pictures, strict=True):
        shown = maps.at(int(number), (HEIGHT, WIDTH))
        expected = np.where(np.isnan(shown), 0, picture[..., 0] - 40.0)
        if expected.sum() > 0.9 * 64 * 215:  # the square lies inside what was seen
            np.testing.assert_allclose(centre(shown), centre(expected), atol=1.5)
            sizes = np.nansum(shown) / expected.sum()
            assert sizes == pytest.approx(1, abs=0.12)


def test_a_coarse_square_is_found_at_any_size():
    """The same map on pictures of twice the size: a video decoded smaller than it is."""
    clip = run(*GEOMETRIES['middle'])
    maps = PixelMaps(clip.views, brightness(clip.inputs))
    small = maps.at(8, (HEIGHT, WIDTH))
    large = cv2.resize(maps.at(8, (2 * HEIGHT, 2 * WIDTH)), (WIDTH, HEIGHT))
    both = ~np.isnan(small) & ~np.isnan(large)
    assert np.abs(small[both] - large[both]).mean() < 0.5


def test_what_no_view_shows_has_no_value():
    """A middle crop of 48 in 96 columns leaves a quarter on both sides."""
    clip = run(*GEOMETRIES['middle'])
    (view,) = clip.views
    assert (view.left, view.right) == (pytest.approx(0.25, abs=0.01), pytest.approx(0.75, abs=0.01))
    assert (view.top, view.bottom) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    shown = PixelMaps(clip.views, brightness(clip.inputs)).at(0, (HEIGHT, WIDTH))
    assert np.isnan(shown[:, :23]).all()
    assert np.isfinite(shown[:, 25:71]).all()
    assert np.isnan(shown[:, 73:]).all()


def test_three_crops_cover_the_picture_and_agree_where_they_overlap():
    clip = run(*GEOMETRIES['three crops'])
    assert len(clip.views) == 3
    maps = PixelMaps(clip.views, np.ones((3, 4, 16, 16)))
    np.testing.assert_allclose(maps.at(4, (HEIGHT, WIDTH)), 1)


def test_a_mirrored_view_is_mirrored_back():
    (view,) = run(*GEOMETRIES['mirrored']).views
    assert view.left > view.right


def test_clips_and_looped_frames_find_their_frames():
    """Two clips of three frames; the second loops back to frame 1."""
    clip = run(*GEOMETRIES['resized'], frames=(1, 5, 9, 13, 1, 5), num_clips=2)
    assert [view.frames.tolist() for view in clip.views] == [[1, 5, 9], [13, 1, 5]]
    assert clip.frame_numbers.tolist() == [1, 5, 9, 13]
    maps = np.zeros((2, 3, 4, 8))
    maps[0, 0], maps[1, 1] = 2, 4
    shown = PixelMaps(clip.views, maps).at(1, (HEIGHT, WIDTH))
    np.testing.assert_allclose(shown, 3)


def test_frames_between_are_mixed_and_outside_repeat():
    view = View(np.array([10, 20]), 0, 0, 1, 1)
    maps = PixelMaps([view], np.stack((np.zeros((2, 2)), np.ones((2, 2))))[None])
    for frame, value in {0: 0, 10: 0, 13: 0.3, 20: 1, 99: 1}.items():
        np.testing.assert_allclose(maps.between(frame, (4, 6)), value, atol=1e-6)


def test_inputs_are_those_of_the_plain_pipeline():
    init_default_scope('mmaction')
    transforms = [dict(type='Resize', scale=(-1, 64)), dict(type='ThreeCrop', crop_size=64)]
    clip = run(*transforms)
    plain = Compose(
        [MakePictures((0, 4, 8, 12)), *transforms, dict(type='FormatShape', input_format='NCTHW')]
    )(dict(num_clips=1, clip_len=4))
    assert torch.equal(clip.inputs, torch.from_numpy(plain['imgs']))


class Rotate:
    def __call__(self, results):
        results['imgs'] = [np.ascontiguousarray(np.rot90(picture)) for picture in results['imgs']]
        return results


@pytest.mark.parametrize(
    ('transforms', 'message'),
    [
        ([Rotate()], 'more than resizing'),
        ([dict(type='ColorJitter')], 'ColorJitter|more than resizing|mixes frames'),
    ],
)
def test_other_transforms_are_refused(transforms, message):
    with pytest.raises(ValueError, match=message):
        run(*transforms)


def test_a_pipeline_without_pictures_is_refused():
    with pytest.raises(ValueError, match='decodes no pictures'):
        trace([dict], {})
