"""Features in the plane, and neighbours that are counted by hand."""

import numpy as np
import pytest

from mmaction_timesformer.reports.embeddings.embedding import neighbour_agreement, project


def test_groups_that_lie_apart_stay_apart():
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = generator.normal(size=(60, 8)) + 30 * np.eye(8)[labels]
    places, variance = project(features)
    # Two of the eight standardised directions hold the three groups.
    assert 2 / 8 < variance < 1
    for at in places.values():
        assert at.min() == 0
        assert at.max() == 1
        distance = np.linalg.norm(at[:, None] - at, axis=-1) + 9 * np.eye(60)
        assert (labels[distance.argmin(axis=1)] == labels).mean() > 0.95


def test_the_same_seed_gives_the_same_plane():
    features = np.random.default_rng(0).normal(size=(20, 5))
    np.testing.assert_array_equal(
        project(features, 1)[0]['t-SNE'], project(features, 1)[0]['t-SNE']
    )


def test_too_few_clips_are_refused():
    with pytest.raises(ValueError, match='2 clips are too few'):
        project(np.zeros((2, 4)))


def test_neighbours_by_hand():
    # On a line: two clips of recording x together, then one each of y and z.
    features = np.array([[0.0], [1.0], [3.0], [7.0]])
    classes, recordings = ['a', 'b', 'b', 'a'], ['x', 'x', 'y', 'z']
    everyone = np.ones(4, bool)
    same_class, same_recording = neighbour_agreement(features, classes, recordings, everyone)
    # Nearest elsewhere: 0 -> 2 (b), 1 -> 2 (b), 2 -> 1 (b), 3 -> 2 (b).
    assert same_class == pytest.approx(2 / 4)
    # Nearest of all: 0 -> 1 (x), 1 -> 0 (x), 2 -> 1, 3 -> 2.
    assert same_recording == pytest.approx(2 / 4)
    last_two = np.array([False, False, True, True])
    assert neighbour_agreement(features, classes, recordings, last_two) == (0.5, 0.0)
    assert neighbour_agreement(features, classes, [None] * 4, everyone)[1] is None
