"""A lineage opens with a whole model in use, the one its log names, after any kill of a writer."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer.learning.lineage import (
    Lineage,
    NewModel,
    current_model,
    is_lineage,
    lineage_of,
)

PASSED = dict(passed=True, reasons=[])


def new(text='weights', parents=(), exam=PASSED, how='at once') -> NewModel:
    def write(folder: Path) -> None:
        (folder / 'model.pth').write_text(text)

    return NewModel(how, parents, ('a', 'b'), write, exam=exam)


@pytest.fixture
def lineage(tmp_path) -> Lineage:
    return Lineage.begin(tmp_path / 'lineage', new('first', how='start'), 'ann')


def test_a_model_waits_until_somebody_takes_it(lineage):
    card = lineage.add(new('second', ('0001',)), 'bob')
    assert (card.state, lineage.current.model) == ('waiting', '0001')
    assert card.digest == hashlib.sha256(b'second').hexdigest()
    taken = lineage.accept(card.model, 'ann', 'fewer false alarms')
    assert (taken.state, taken.decided['by'], taken.decided['reason']) == (
        'accepted',
        'ann',
        'fewer false alarms',
    )
    assert lineage.checkpoint().read_text() == 'second'
    assert (lineage.folder / 'current' / 'model.pth').read_text() == 'second'
    assert json.loads((lineage.path() / 'card.json').read_text())['state'] == 'accepted'
    assert [(r['action'], r['model'], r['by']) for r in lineage.log()] == [
        ('start', '0001', 'ann'),
        ('add', '0002', 'bob'),
        ('accept', '0002', 'ann'),
    ]


def test_rollback_and_reject(lineage):
    second = lineage.add(new('second', ('0001',)), 'ann').model
    sibling = lineage.add(new('other', ('0001',)), 'ann').model
    lineage.accept(second, 'ann')
    with pytest.raises(ValueError, match=r'was made from 0001, and 0002 is in use'):
        lineage.accept(sibling, 'ann')
    assert lineage.reject(sibling, 'bob', 'too late').state == 'rejected'
    with pytest.raises(ValueError, match='is in use: roll back'):
        lineage.reject(second, 'ann')
    assert lineage.rollback('ann', 'worse at night').model == '0001'
    assert lineage.checkpoint().read_text() == 'first'
    with pytest.raises(ValueError, match='is the first'):
        lineage.rollback('ann')
    with pytest.raises(ValueError, match='never in use'):
        lineage.rollback('ann', to=sibling)


def test_the_gate_is_passed_by_name_and_reason_only(lineage):
    failed = dict(passed=False, reasons=['camera gate: 4 of 20 clips are lost'])
    card = lineage.add(new('second', ('0001',), failed), 'ann')
    for options in ({}, dict(against_gate=True)):
        with pytest.raises(ValueError, match='camera gate: 4 of 20'):
            lineage.accept(card.model, 'ann', **options)
    taken = lineage.accept(card.model, 'ann', 'the camera is gone', against_gate=True)
    assert taken.decided['against_gate']
    assert lineage.log()[-1]['against_gate']


def test_names_that_lead_elsewhere_are_none(lineage):
    for name in ('../0001', '', '.', 'none', '/etc'):
        with pytest.raises(ValueError, match='is none of the models'):
            lineage.card(name)


def test_where_a_lineage_is(lineage, tmp_path):
    assert lineage_of(lineage.folder) == lineage.folder
    assert lineage_of(lineage.folder / 'current') == lineage.folder
    assert lineage_of(tmp_path) is None
    with pytest.raises(FileNotFoundError, match='no lineage'):
        Lineage(tmp_path)
    with pytest.raises(ValueError, match='already'):
        Lineage.begin(lineage.folder, new(), 'ann')


def write_for_ever(folder: Path) -> None:
    lineage, number = Lineage(folder), 0
    while True:
        number += 1
        parent = lineage.current.model
        card = lineage.add(new('x' * 200_000 + str(number), (parent,)), 'writer')
        if number % 3 == 0:
            lineage.reject(card.model, 'writer')
        else:
            lineage.accept(card.model, 'writer')
        if number % 4 == 0:
            lineage.rollback('writer')


@pytest.mark.parametrize('seed', range(20))
def test_killed_between_any_two_writes(lineage, seed):
    for delay in np.random.default_rng(seed).uniform(0, 0.05, size=2):
        child = os.fork()
        if child == 0:
            try:
                write_for_ever(lineage.folder)
            finally:
                os._exit(1)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        check(Lineage(lineage.folder))
    # And it goes on.
    found = Lineage(lineage.folder)
    card = found.add(new('after', (found.current.model,)), 'ann')
    assert found.accept(card.model, 'ann').state == 'accepted'


def check(lineage: Lineage) -> None:
    log = lineage.log()
    taken = [r['model'] for r in log if r['action'] in ('start', 'accept', 'rollback')]
    assert current_model(lineage.folder).name == taken[-1] == lineage.current.model
    for card in lineage.cards():
        content = lineage.checkpoint(card.model).read_bytes()
        assert hashlib.sha256(content).hexdigest() == card.digest
        written = json.loads((lineage.path(card.model) / 'card.json').read_text())
        if card.model == log[-1]['model']:
            assert written['state'] == card.state
    assert lineage.current.state == 'accepted'


def test_killed_before_the_first_line(tmp_path):
    (tmp_path / 'models').mkdir()
    (tmp_path / 'log.jsonl').write_text('')
    assert not is_lineage(tmp_path)
    assert Lineage.begin(tmp_path, new(), 'ann').current.model == '0001'
