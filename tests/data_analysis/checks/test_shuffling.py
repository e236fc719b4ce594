import numpy as np
import pandas as pd
import pytest

from data_analysis.checks.shuffling import independent_units, shuffled_labels


def test_clips_of_a_recording_are_one_unit_and_unknown_ones_are_their_own() -> None:
    recordings = pd.Series(['r', '', 's', 'r', ''], index=[5, 5, 1, 2, 3])
    assert independent_units(recordings).tolist() == [0, 1, 2, 0, 3]


def test_where_each_clip_is_a_unit_labels_are_permuted() -> None:
    labels = np.array(list('aaabbc'))
    drawn = list(shuffled_labels(labels, np.arange(6), 50, seed=0))
    assert {''.join(sorted(shuffled)) for shuffled in drawn} == {'aaabbc'}
    assert len({''.join(shuffled) for shuffled in drawn}) > 25
    again = list(shuffled_labels(labels, np.arange(6), 50, seed=0))
    assert np.array_equal(drawn, again)


def test_recordings_take_over_the_labels_of_others() -> None:
    """The possible results are written down by hand."""
    labels, units = np.array(list('abcac')), np.array([0, 1, 0, 0, 1])  # "aca" and "bc"
    drawn = {''.join(shuffled) for shuffled in shuffled_labels(labels, units, 300, seed=0)}
    own = {f'{x}{u}{y}{z}{v}' for x, y, z in ('aac', 'aca', 'caa') for u, v in ('bc', 'cb')}
    swapped = {f'{x}{u}{y}{z}{v}' for x, y, z in ('bcb', 'cbc') for u, v in ('aa', 'ac', 'ca')}
    assert drawn == own | swapped


@pytest.mark.parametrize('labels_a_recording', [1, 3])
def test_chance_passes_as_rarely_as_promised(labels_a_recording: int) -> None:
    """Labels and guesses of recordings, drawn apart from each other; 5 in 100 pass."""
    passed = {'recordings': 0, 'clips': 0}
    for seed in range(80):
        rng = np.random.default_rng(seed)
        units = np.repeat(np.arange(25), rng.integers(1, 15, size=25))
        shared = rng.integers(2, size=(25, labels_a_recording))
        labels = shared[units, rng.integers(labels_a_recording, size=len(units))]
        guesses = rng.integers(2, size=25)[units]
        hits = (labels == guesses).mean()
        for name, independent in (('recordings', units), ('clips', np.arange(len(units)))):
            drawn = shuffled_labels(labels, independent, 99, seed)
            as_good = sum((shuffled == guesses).mean() >= hits for shuffled in drawn)
            passed[name] += (1 + as_good) / 100 <= 0.05
    assert passed['recordings'] <= 10  # 11 or more of 80 happen once in 500 times at 5 %
    assert passed['clips'] > 12
