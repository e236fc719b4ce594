"""RandAugment's operations against hand-computed pixels, and how they are drawn."""

from collections import Counter

import numpy as np
import pytest

from mmaction_timesformer.datasets.transforms.rand_augment import OPERATIONS, RandAugment


def augment(
    picture: np.ndarray, operation: str, magnitude: float, seed: int = 0
) -> list[np.ndarray]:
    np.random.seed(seed)
    transform = RandAugment(1, magnitude, magnitude_std=0.0, operations=(operation,))
    return transform(dict(imgs=[picture, picture.copy()]))['imgs']


def grey(*values: int) -> np.ndarray:
    """A picture of one row."""
    return np.repeat(np.array([values], dtype=np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize('operation', OPERATIONS)
@pytest.mark.parametrize('seed', [0, 1])
def test_all_frames_of_a_clip_are_treated_alike(operation: str, seed: int) -> None:
    picture = np.random.default_rng(0).integers(20, 200, (40, 60, 3), dtype=np.uint8)
    first, second = augment(picture, operation, 7, seed)
    np.testing.assert_array_equal(first, second)
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, picture) == (operation == 'identity')


@pytest.mark.parametrize(
    'operation', sorted(set(OPERATIONS) - {'auto_contrast', 'equalize', 'solarize'})
)
def test_magnitude_zero_changes_nothing(operation: str) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(augment(picture, operation, 0)[0], picture)


@pytest.mark.parametrize(
    ('operation', 'magnitude', 'expected'),
    [
        # From 256 (1 - 0.5) = 128 up, v becomes 255 - v.
        ('solarize', 5, (10, 127, 127, 15)),
        # 8 - 4 = 4 bits are kept.
        ('posterize', 10, (0, 112, 128, 240)),
        # 10 to 240 are stretched over 0 to 255.
        ('auto_contrast', 3, (0, 129, 130, 255)),
    ],
)
def test_tones_by_hand(operation: str, magnitude: float, expected: tuple[int, ...]) -> None:
    result = augment(grey(10, 127, 128, 240), operation, magnitude)[0]
    np.testing.assert_allclose(result[0, :, 0], expected, atol=1)


def test_brightness_goes_up_and_down() -> None:
    results = {int(augment(grey(100), 'brightness', 5, seed)[0][0, 0, 0]) for seed in range(8)}
    assert results == {55, 145}


def test_translation_moves_pixels_and_fills_with_grey() -> None:
    picture = np.zeros((20, 20, 3), dtype=np.uint8)
    picture[:, 10] = 255
    # 0.45 of 20 pixels at magnitude 10.
    for operation, axis in (('translate_x', 1), ('translate_y', 0)):
        source = picture if axis else picture.transpose(1, 0, 2)
        columns = set()
        for seed in range(8):
            moved = augment(source, operation, 10, seed)[0]
            moved = moved if axis else moved.transpose(1, 0, 2)
            columns |= set(np.flatnonzero((moved == 255).all(axis=(0, 2))))
            assert (moved == 128).all(axis=2).sum() == 9 * 20
        assert columns == {1, 19}


def test_operations_are_drawn_evenly_and_strengths_around_the_magnitude() -> None:
    np.random.seed(0)
    transform = RandAugment(num_ops=2, magnitude=5, magnitude_std=1)
    drawn = [pair for _ in range(1400) for pair in transform._draw()]
    counts = Counter(name for name, _ in drawn)
    assert set(counts) == set(OPERATIONS)
    assert min(counts.values()) > 150  # 200 expected
    levels = np.array([level for _, level in drawn])
    assert abs(levels.mean()) < 0.05
    assert np.abs(levels).mean() == pytest.approx(0.5, abs=0.01)
    assert np.abs(levels).std() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num_ops=0), 'num_ops=0'),
        (dict(magnitude=11), 'magnitude=11'),
        (dict(magnitude_std=-1), 'magnitude_std=-1'),
        (dict(operations=('blur',)), 'blur'),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandAugment(**arguments)
