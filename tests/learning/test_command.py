"""The steps of the command line, one after another."""

import pytest

from mmaction_timesformer.learning.command import continue_training
from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.lineage import Lineage
from tests.tiny_run import CLASSES

GATE = dict(root=None, by='ann', margin=0.02, alpha=0.2)


def test_from_a_trained_model_to_one_in_use_and_back(yard, tmp_path, capsys):
    folder = str(tmp_path / 'lineage')
    for name in ('exam', 'new', 'known'):
        getattr(yard, name).write(tmp_path / f'{name}.csv')
    options = dict(checkpoint=str(yard.checkpoint), exam=str(tmp_path / 'exam.csv'), root=None)
    assert continue_training('start', folder, **options, by='ann') == 0
    code = continue_training(
        'learn', folder, corrections=str(tmp_path / 'new.csv'), accept=True, **GATE
    )
    card = Lineage(folder).card('0002')
    assert code == (0 if card.passed else 1)
    assert card.state == ('accepted' if card.passed else 'waiting')
    text = capsys.readouterr().out
    assert 'new classes: yellow' in text
    assert '40 clips added, 0 relabelled, 0 forgotten' in text
    options = dict(model='0002', by='bob', reason='seen by me', against_gate=True)
    assert continue_training('accept', folder, **options) == 0
    assert continue_training('rollback', folder, by='bob', reason='too many', to=None) == 0
    assert continue_training('show', folder) == 0
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert lines[0].startswith('* 0001, start: accepted by ann')
    assert lines[1].startswith('  0002, at once from 0001: accepted by bob')
    with pytest.raises(ValueError, match='already'):
        continue_training('start', folder, checkpoint='', exam=None, root=None, by='')


def test_the_exam_is_extended(yard, lineage, tmp_path, capsys):
    Corrections.of(yard.new.clips[:2], CLASSES).write(tmp_path / 'more.csv')
    options = dict(clips=str(tmp_path / 'more.csv'), root=None)
    assert continue_training('exam', str(lineage.folder), **options) == 0
    assert f'the exam has {len(yard.exam) + 2} clips of 4 classes' in capsys.readouterr().out
