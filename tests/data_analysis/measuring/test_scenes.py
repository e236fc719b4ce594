import numpy as np

from data_analysis.measuring.scenes import find_scenes, nearest, signature_matrix
from data_analysis.measuring.thumbnails import (
    THUMBNAIL_HEIGHT,
    THUMBNAIL_WIDTH,
    encode_thumbnail,
    thumbnail_distance,
)
from tests.data_analysis.clip_tables import signature_of

SHAPE = (THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH)


def test_clips_without_a_usable_signature_are_left_out() -> None:
    flat = encode_thumbnail(np.zeros(SHAPE, np.uint8))
    matrix, positions = signature_matrix(['', signature_of(0), flat, signature_of(1)])
    assert positions.tolist() == [1, 3]
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1)
    assert signature_matrix(['', ''])[0].shape == (0, THUMBNAIL_HEIGHT * THUMBNAIL_WIDTH)


def test_nearest_finds_the_look_alike() -> None:
    references, _ = signature_matrix([signature_of(seed) for seed in range(5)])
    queries, _ = signature_matrix([signature_of(3, noise=4), signature_of(1, noise=4)])
    distances, indices = nearest(queries, references)
    assert indices.tolist() == [3, 1]
    assert (distances < 0.2).all()


def test_scenes_are_chains_of_look_alikes() -> None:
    """0, 1, 2 change step by step, so 0 and 2 are one scene though they are farther apart."""
    first = np.random.default_rng(0).uniform(0, 200, SHAPE)
    drift = np.random.default_rng(1).normal(0, 12, SHAPE)
    steps = [np.clip(first + k * drift, 0, 255).astype(np.uint8) for k in range(3)]
    one_step = thumbnail_distance(steps[0], steps[1])
    two_steps = thumbnail_distance(steps[0], steps[2])
    assert two_steps > 1.5 * one_step
    signatures = [
        encode_thumbnail(steps[2]),
        signature_of(9),
        encode_thumbnail(steps[0]),
        '',
        encode_thumbnail(steps[1]),
        signature_of(9),
        '',
    ]
    assert find_scenes(signatures, 1.2 * one_step).tolist() == [0, 1, 0, 2, 0, 1, 3]
    assert find_scenes(signatures, 0.5 * one_step).tolist() == [0, 1, 2, 3, 4, 1, 5]


def test_no_or_one_signature_is_no_trouble() -> None:
    assert find_scenes([], 0.3).tolist() == []
    assert find_scenes([signature_of(0)], 0.3).tolist() == [0]
