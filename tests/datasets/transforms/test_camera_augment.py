"""Augmentation as other cameras: what each operation does, and that a clip is changed as one."""

import numpy as np
import pytest

from mmaction_timesformer.datasets.transforms.camera_augment import OPERATIONS, CameraAugment

STILL = tuple(name for name in OPERATIONS if name not in ('optics', 'night', 'rain'))


@pytest.fixture
def picture():
    generator = np.random.default_rng(0)
    coarse = generator.integers(30, 220, (6, 8, 3)).astype(np.uint8)
    return coarse.repeat(10, axis=0).repeat(10, axis=1)


def change(name, pictures, seed=0):
    np.random.seed(seed)
    return CameraAugment({name: 1.0}).transform(dict(imgs=[p.copy() for p in pictures]))


@pytest.mark.parametrize('name', OPERATIONS)
def test_pictures_stay_pictures_and_the_seed_decides(name, picture):
    results = change(name, [picture, picture])
    first, second = results['imgs']
    assert first.dtype == np.uint8
    assert first.shape == second.shape == (*results['img_shape'], 3)
    assert not np.array_equal(first, picture)
    np.testing.assert_array_equal(change(name, [picture, picture])['imgs'], results['imgs'])


@pytest.mark.parametrize('name', STILL)
def test_what_stands_still_stays_still(name, picture):
    first, second = change(name, [picture, picture])['imgs']
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('seed', range(5))
def test_night_is_dark_and_grey(seed, picture):
    dark = change('night', [picture], seed)['imgs'][0].astype(float)
    assert dark.mean() < 0.6 * picture.mean()
    assert dark.mean(axis=(0, 1)).std() < picture.astype(float).mean(axis=(0, 1)).std() + 1


@pytest.mark.parametrize('seed', range(5))
def test_a_view_is_at_least_half_the_picture(seed, picture):
    rows, columns = change('view', [picture], seed)['img_shape']
    assert 0.4 * 60 * 80 <= rows * columns <= 60 * 80


def test_rain_falls_anew_in_every_frame(picture):
    first, second = change('rain', [picture, picture])['imgs']
    assert not np.array_equal(first, second)


def test_fourier_keeps_fine_detail(picture):
    changed = change('fourier', [picture])['imgs'][0]
    spectrum, before = (
        np.abs(np.fft.rfft2(p.astype(float), axes=(0, 1)))[20:30, 20:30] for p in (changed, picture)
    )
    np.testing.assert_allclose(spectrum, before, atol=0.1 * before.max())


def test_a_share_of_clips_is_left_alone(picture):
    np.random.seed(0)
    augment = CameraAugment({'colour': 1.0}, share=0.5)
    same = [
        np.array_equal(augment.transform(dict(imgs=[picture]))['imgs'][0], picture)
        for _ in range(60)
    ]
    assert 15 <= sum(same) <= 45


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [((dict(fog=1.0),), 'night'), ((dict(rain=1.5),), r'0\.\.1'), (({}, 2.0), 'share=2')],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CameraAugment(*arguments)


def test_views_are_drawn_one_by_one():
    pictures = [np.full((12, 16, 3), 90 + number, np.uint8) for number in range(3)]
    augment = CameraAugment(dict(colour=1.0), views=2)
    np.random.seed(0)
    found = augment.transform(dict(imgs=pictures, num_clips=1))
    assert found['num_clips'] == 2
    assert len(found['imgs']) == 6
    assert np.abs(found['imgs'][0].astype(int) - found['imgs'][3]).max() > 2
    with pytest.raises(ValueError, match='views'):
        CameraAugment(views=0)


def test_perspective_keeps_time_and_moves_places():
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, size=(40, 60, 3), dtype=np.uint8)
    augment = CameraAugment(dict(perspective=1.0))
    np.random.seed(1)
    first, second = augment.transform(dict(imgs=[picture, picture]))['imgs']
    np.testing.assert_array_equal(first, second)
    assert first.shape == picture.shape
    assert np.abs(first.astype(int) - picture).mean() > 10
