import numpy as np
import pytest

from data_analysis.measuring.thumbnails import (
    THUMBNAIL_HEIGHT,
    THUMBNAIL_WIDTH,
    decode_thumbnail,
    encode_thumbnail,
    thumbnail_distance,
)

SHAPE = (THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, SHAPE).astype(np.uint8)


def test_a_thumbnail_survives_as_text() -> None:
    assert np.array_equal(decode_thumbnail(encode_thumbnail(picture(0))), picture(0))


def test_distance_ignores_brightness_and_contrast() -> None:
    assert thumbnail_distance(picture(0), picture(0) + 40) == pytest.approx(0, abs=1e-6)
    assert thumbnail_distance(picture(0), picture(0) // 2) < 0.03
    assert thumbnail_distance(picture(0), 255 - picture(0)) == pytest.approx(2, abs=1e-6)


def test_distance_is_that_of_the_correlation() -> None:
    one, other = picture(0), picture(1)
    correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert thumbnail_distance(one, other) == pytest.approx(np.sqrt(2 - 2 * correlation), rel=1e-5)


def test_flat_pictures_resemble_each_other_and_nothing_else() -> None:
    flat = np.full(SHAPE, 7, np.uint8)
    assert thumbnail_distance(flat, flat + 100) == 0
    assert thumbnail_distance(flat, picture(0)) == pytest.approx(np.sqrt(2))
