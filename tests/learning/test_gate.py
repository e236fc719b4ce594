"""Decisions of the gate on answers made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.learning.gate import GateRule, judge

CLASSES = ('a', 'b')


def answers(given, labels, cameras, classes=CLASSES) -> Predictions:
    scores = np.eye(len(classes))[np.asarray(given)]
    clips = pd.DataFrame(dict(filename=[f'{n}.mp4' for n in range(len(labels))], recording=cameras))
    return Predictions(scores, np.asarray(labels), classes, clips)


LABELS = np.array([0] * 40 + [1] * 40)
CAMERAS = np.array((['gate'] * 20 + ['hall'] * 20) * 2)


def changed(*wrong) -> np.ndarray:
    given = LABELS.copy()
    given[list(wrong)] = 1 - given[list(wrong)]
    return given


def test_the_same_answers_pass():
    same = answers(LABELS, LABELS, CAMERAS)
    verdict = judge(same, same)
    assert verdict.passed
    assert not verdict.reasons
    assert [(cell.kind, cell.name, cell.num_clips) for cell in verdict.cells] == [
        ('all', '', 80),
        ('class', 'a', 40),
        ('class', 'b', 40),
        ('camera', 'gate', 40),
        ('camera', 'hall', 40),
    ]


def test_a_camera_that_loses_is_named_although_all_clips_together_gain():
    before = answers(changed(*range(20, 30), *range(60, 70)), LABELS, CAMERAS)
    after = answers(changed(0, 1, 2, 40, 41, 42), LABELS, CAMERAS)
    verdict = judge(before, after)
    assert not verdict.passed
    cells = {(cell.kind, cell.name): cell for cell in verdict.cells}
    gate = cells['camera', 'gate']
    assert (gate.before, gate.after) == (1.0, 0.85)
    assert (gate.num_lost, gate.num_won, gate.state) == (6, 0, 'worse')
    assert gate.p == pytest.approx(binomtest(6, 6, alternative='greater').pvalue)
    assert cells['all', ''].after > cells['all', ''].before
    assert [reason.partition(':')[0] for reason in verdict.reasons] == ['camera gate']
    assert '6 of 40 clips are lost and 0 won, 1.000 before, 0.850 after' in verdict.reasons[0]


def test_one_or_two_clips_may_be_chance_and_are_mentioned():
    before = answers(LABELS, LABELS, CAMERAS)
    verdict = judge(before, answers(changed(0, 1), LABELS, CAMERAS))
    assert verdict.passed
    assert all('may be chance' in reason for reason in verdict.reasons)
    assert not judge(before, answers(changed(0, 1), LABELS, CAMERAS), GateRule(alpha=0.3)).passed


def test_a_loss_of_the_margin_is_allowed():
    before = answers(LABELS, LABELS, CAMERAS)
    after = answers(changed(0, 1, 2, 3), LABELS, CAMERAS)
    assert judge(before, after, GateRule(margin=0.1)).passed
    assert not judge(before, after, GateRule(margin=0.09)).passed


def test_a_class_that_the_old_model_does_not_know_can_only_win():
    labels = np.concatenate([LABELS, [2] * 10])
    cameras = np.concatenate([CAMERAS, ['gate'] * 10])
    before = answers([*LABELS, *[0] * 10], np.array([*LABELS, *[0] * 10]), cameras)
    known = Predictions(
        np.pad(before.scores, ((0, 0), (0, 1))), labels, (*CLASSES, 'c'), before.clips
    )
    after = answers(labels, labels, cameras, (*CLASSES, 'c'))
    verdict = judge(known, after)
    assert verdict.passed
    (cell,) = [cell for cell in verdict.cells if cell.name == 'c']
    assert (cell.before, cell.after, cell.num_won) == (0.0, 1.0, 10)


def test_classes_in_another_order_are_the_same():
    swapped = answers(1 - LABELS, 1 - LABELS, CAMERAS, CLASSES[::-1])
    assert judge(answers(LABELS, LABELS, CAMERAS), swapped).cells[0].num_lost == 0


def test_a_rule_makes_sense():
    with pytest.raises(ValueError, match=r'margin=1\.5'):
        GateRule(margin=1.5)
