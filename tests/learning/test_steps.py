"""From corrections to a model in use, and what is kept out of learning."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import (
    Corrections,
    name_of,
    read_corrections,
    windows_of,
)
from mmaction_timesformer.learning.exam import read_answers
from mmaction_timesformer.learning.steps import (
    extend_exam,
    learn_at_once,
    plan,
    read_exam,
    start,
)
from tests.tiny_run import CLASSES
from video_clips.clip import Clip


def test_an_online_model_begins_no_lineage(tmp_path):
    meta = dict(cfg="model = dict(type='OnlineRecognizer')")
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'online.pth')
    with pytest.raises(ValueError, match='is an online model'):
        start(tmp_path / 'lineage', tmp_path / 'online.pth')


def test_a_new_class_and_new_cameras(lineage, yard):
    card = learn_at_once(lineage, yard.new, 'ann')
    assert card.classes == CLASSES
    assert card.parents == ('0001',)
    assert list(card.change['new_classes']) == ['yellow']
    assert card.data['clips_by_camera'] == {f'rec{number:03d}': 8 for number in range(8)}
    cells = {cell['name']: cell for cell in card.exam['cells'] if cell['kind'] == 'class'}
    assert cells['yellow']['before'] == 0.0
    assert cells['yellow']['after'] > 0.5
    # What the card says is what predictions say.
    trained = TrainedModel.load(None, lineage.checkpoint(card.model))
    answers = read_answers(lineage.path(card.model) / 'answers.json')
    for row in (0, 9, -1):
        scores = trained.predict(yard.exam.clips[row].path)
        np.testing.assert_allclose(
            answers.scores[row], [scores[name] for name in answers.classes], atol=1e-5
        )


def test_the_same_data_have_the_same_fingerprint(lineage, yard):
    half = len(yard.new) // 2
    parts = [
        Corrections.of(some, CLASSES) for some in (yard.new.clips[half:], yard.new.clips[:half])
    ]
    for part in parts:
        card = learn_at_once(lineage, part, 'ann')
        lineage.accept(card.model, 'ann', 'for the test', against_gate=True)
    chained = lineage.current.data
    lineage.rollback('ann', to='0001')
    assert learn_at_once(lineage, yard.new, 'ann').data == chained


def test_nothing_is_learned_from_the_exam(lineage, yard):
    asked = yard.exam.clips[0]
    part = replace(asked, start_seconds=0.5, end_seconds=1.0)
    both = Corrections.of([asked, part, yard.new.clips[0]], CLASSES)
    found = plan(lineage, both)
    assert set(found.held_back) == {name_of(asked), name_of(part)}
    assert found.by_class == {CLASSES[yard.new.clips[0].label]: 1}
    with pytest.raises(ValueError, match='all 1 corrections are clips of the exam'):
        plan(lineage, Corrections.of([asked], CLASSES))


def test_wrong_labels_do_not_pass(lineage, yard):
    """A hundred careless verdicts: the gate says which classes suffer."""
    wrong = [
        replace(clip, label=(int(clip.label) + 1) % 3)
        for clip in [*yard.known.clips, *yard.new.clips]
        if clip.label != 3
    ]
    card = learn_at_once(lineage, Corrections.of(wrong, CLASSES[:3]), 'ann')
    assert not card.passed
    assert any(reason.startswith('class') for reason in card.reasons)
    with pytest.raises(ValueError, match='clips are lost'):
        lineage.accept(card.model, 'ann')


def test_without_an_exam_somebody_must_answer_for_it(yard, tmp_path):
    lineage = start(tmp_path / 'lineage', yard.checkpoint, by='ann')
    card = learn_at_once(lineage, yard.new, 'ann')
    assert not card.passed
    with pytest.raises(ValueError, match='no exam'):
        lineage.accept(card.model, 'ann')
    extend_exam(lineage, yard.exam)
    assert learn_at_once(lineage, yard.new, 'ann').exam['cells']


def test_an_exam_only_grows(lineage, yard):
    more = Corrections.of([replace(yard.new.clips[0], recording='gate')], CLASSES)
    extend_exam(lineage, more)
    extend_exam(lineage, more)
    assert len(read_exam(lineage)) == len(yard.exam) + 1
    changed = Corrections.of([replace(yard.exam.clips[0], label=1)], CLASSES)
    with pytest.raises(ValueError, match='an exam is not changed'):
        extend_exam(lineage, changed)


def test_corrections_as_a_csv(tmp_path):
    (tmp_path / 'gate.mp4').write_bytes(b'')
    (tmp_path / 'list.csv').write_text(
        'path,label,start_seconds,end_seconds,recording\n'
        'gate.mp4,red,2,4,gate\ngate.mp4,new,2,4,gate\ngate.mp4,,8,9,gate\n'
    )
    found = read_corrections(tmp_path / 'list.csv', ('red', 'green'))
    assert found.classes == ('red', 'green', 'new')
    assert [(found.label_name(c), c.start_seconds, c.recording) for c in found.clips] == [
        ('new', 2.0, 'gate'),
        (None, 8.0, 'gate'),
    ]
    (tmp_path / 'list.csv').write_text('path,label\nnone.mp4,red\n')
    with pytest.raises(FileNotFoundError, match='no video'):
        read_corrections(tmp_path / 'list.csv', ('red',))


@pytest.mark.parametrize(
    ('part', 'expected'),
    [
        ((3.0, 5.0), [(2.0, 6.0)]),
        ((0.0, 2.0), [(0.0, 4.0)]),
        ((1.0, 5.0), [(1.0, 5.0)]),
        ((0.0, 8.0), [(0.0, 4.0), (2.0, 6.0), (4.0, 8.0)]),
        ((0.0, 7.0), [(0.0, 4.0), (1.5, 5.5), (3.0, 7.0)]),
    ],
)
def test_parts_are_shown_in_windows(part, expected):
    windows = windows_of(Clip('a.mp4', 0, None, *part), 4.0)
    assert [(w.start_seconds, w.end_seconds) for w in windows] == expected
    assert windows_of(Clip('a.mp4', 0), 4.0) == [Clip('a.mp4', 0)]
