"""Sentences of the page on runs that are compared."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from mmaction_timesformer.evaluation import Predictions, compare
from mmaction_timesformer.reports.results.facts import plain
from mmaction_timesformer.reports.results.page import difference_sentence


def sentence(first, second, recordings):
    """Of two models that have some clips right, all of class a."""
    clips = pd.DataFrame({'recording': recordings})
    labels = np.zeros(len(clips), int)
    models = [
        Predictions(
            np.where(np.array(right)[:, None], [0.8, 0.2], [0.3, 0.7]), labels, ('a', 'b'), clips
        )
        for right in (first, second)
    ]
    return difference_sentence({'first': 'A', 'second': 'B', **plain(asdict(compare(*models)))})


def test_a_gain_in_one_recording_is_told():
    """Nine of twenty clips won, none lost: McNemar's p is 2 / 2 ** 9."""
    told = sentence([1] * 10 + [0] * 10, [1] * 19 + [0], ['yard'] * 20)
    assert told == (
        'B differs by +45.0 points of accuracy; too few recordings for an interval, '
        'McNemar’s p = 0.00391.'
    )


def test_the_same_gain_in_every_recording_is_told():
    """Four of twelve clips won: 2 / 2 ** 4."""
    told = sentence([1, 0, 0] * 4, [1, 1, 0] * 4, np.repeat(['r', 's', 't', 'u'], 3))
    assert told.startswith('B differs by +33.3 points of accuracy; too few recordings')
    assert told.endswith('p = 0.125.')


def test_only_the_same_hits_are_called_the_same():
    assert sentence([1, 0, 1], [1, 0, 1], list('rst')) == 'B has the same clips right.'
    assert sentence([1, 0], [0, 1], ['r', 'r']).startswith('B differs by +0.0 points')


@pytest.mark.parametrize(('num_won', 'chance'), [(2, True), (30, False)])
def test_what_can_be_chance(num_won, chance):
    recordings = [f'r{number}' for number in range(40)]
    told = sentence([0] * 40, [1] * num_won + [0] * (40 - num_won), recordings)
    assert ('can be chance' in told) == chance
