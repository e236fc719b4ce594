"""Which clips maps are checked on, and what is said of classes that an empty clip resembles."""

import numpy as np
import pytest

from mmaction_timesformer.evaluation import Predictions
from mmaction_timesformer.explanation import FaithfulnessCurves
from mmaction_timesformer.reports.results.map_check import (
    CheckedClip,
    faithfulness_facts,
    surest_hits,
)


def test_clips_are_the_surest_hits_of_each_class_in_turn():
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55], [0.05, 0.95]])
    labels = np.array([0, 0, 1, 1, 0])
    assert surest_hits(Predictions(scores, labels, ('a', 'b'))) == [0, 2, 1, 3]


def curves(deletion, insertion):
    return FaithfulnessCurves(
        np.array([0, 0.5, 1]),
        np.array(deletion),
        np.array(insertion),
        np.array([[1, 0.8, deletion[-1]], [1, 0.6, deletion[-1]]]),
        np.array([[insertion[0], 0.2, 1], [insertion[0], 0.4, 1]]),
    )


def test_areas_by_hand():
    checked = [
        CheckedClip(0, curves([1, 0.2, 0], [0, 0.8, 1])),
        CheckedClip(0, curves([1, 0.4, 0], [0, 0.6, 1])),
        CheckedClip(1, curves([1, 1, 0.9], [0.9, 1, 1])),
    ]
    facts = faithfulness_facts(checked, ('moving', 'empty'))
    assert facts is not None
    moving = facts['by_class']['moving']
    assert moving['deletion'] == pytest.approx(0.4)
    assert moving['insertion'] == pytest.approx(0.6)
    assert moving['random_deletion'] == pytest.approx(0.6)
    assert moving['random_insertion'] == pytest.approx(0.4)
    assert moving['empty'] == 0
    assert facts['by_class']['empty']['empty'] == pytest.approx(0.9)
    # The second class comes back when everything is hidden: it tells nothing.
    assert facts['curves']['num_clips'] == 2
    assert facts['curves']['deletion'] == pytest.approx([1, 0.3, 0])
    assert facts['curves']['random_deletion'] == pytest.approx([1, 0.7, 0])


def test_nothing_checked_is_nothing_known():
    assert faithfulness_facts([], ('a',)) is None
    only_empty = faithfulness_facts([CheckedClip(0, curves([1, 1, 0.9], [0.9, 1, 1]))], ('a',))
    assert only_empty is not None
    assert only_empty['curves'] is None
