"""Verdicts in a table that only grows."""

import sqlite3
from dataclasses import replace

import pytest

from mmaction_timesformer.web.store import FILE, ConflictError, Store, Verdict

FIRST = Verdict(
    key='key-0001',
    item='item-0001',
    follows='',
    who='Ada',
    says='right',
    source='gate.mp4',
    label='Digging',
    start_seconds=1.0,
    end_seconds=2.0,
    shown_label='Digging',
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def then(verdict, number, **changes):
    """A verdict that follows another."""
    return replace(verdict, key=f'key-{number:04}', follows=verdict.key, **changes)


def test_a_verdict_sent_twice_is_stored_once(store):
    assert store.add(FIRST) == store.add(FIRST)
    assert len(store.history()) == 1


def test_the_second_of_two_people_is_told(store):
    store.add(FIRST)
    with pytest.raises(ConflictError, match='Ada') as conflict:
        store.add(replace(FIRST, key='key-0002', who='Bob', says='wrong'))
    assert conflict.value.state['says'] == 'right'
    assert store.state(FIRST.item)['who'] == 'Ada'


def test_undo_goes_back_one_verdict_after_another(store):
    second = then(FIRST, 2, says='relabel', label='Walking')
    third = then(second, 3, says='undo')
    fourth = then(third, 4, says='undo')
    said = []
    for verdict in (FIRST, second, third, fourth):
        state = store.add(verdict)
        said.append((state['says'], state['head']))
    assert [says for says, _ in said] == ['right', 'relabel', 'right', '']
    assert [head for _, head in said] == ['key-0001', 'key-0002', 'key-0003', 'key-0004']
    with pytest.raises(ValueError, match='nothing to undo'):
        store.add(then(fourth, 5, says='undo'))
    assert store.states()[FIRST.item]['says'] == ''


def test_rows_neither_change_nor_go(store):
    store.add(FIRST)
    base = sqlite3.connect(store.file)
    for statement in ('DELETE FROM verdicts', "UPDATE verdicts SET who = 'Eve'"):
        with pytest.raises(sqlite3.IntegrityError, match='never'):
            base.execute(statement)


def test_two_processes_at_once(store, tmp_path):
    """Both are open; the second sees what the first has written."""
    other = Store(tmp_path)
    store.add(FIRST)
    with pytest.raises(ConflictError):
        other.add(replace(FIRST, key='key-0002'))
    assert other.add(then(FIRST, 3, says='wrong'))['says'] == 'wrong'
    assert store.state(FIRST.item)['says'] == 'wrong'


def test_a_full_disk_is_an_error_of_the_system(store):
    """A limit on the file's pages stands for it; nothing is half stored, and later it works."""
    limit = store._base.execute('PRAGMA page_count').fetchone()[0]
    store._base.execute(f'PRAGMA max_page_count = {limit}')
    verdict = FIRST
    with pytest.raises(OSError, match='full'):  # noqa: PT012
        for number in range(2, 2000):
            store.add(verdict)
            verdict = then(verdict, number, who='A' * 150)
    count = len(store.history(newest=5000))
    store._base.execute('PRAGMA max_page_count = 100000')
    store.add(verdict)
    assert len(store.history(newest=5000)) == count + 1


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(says='maybe'), 'maybe'),
        (dict(key='x'), 'key'),
        (dict(label=''), 'label'),
        (dict(label='a\nb'), 'printed'),
        (dict(end_seconds=0.5), 'interval'),
        (dict(end_seconds=float('inf')), 'interval'),
        (dict(who='A' * 201), 'longer'),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(FIRST, **changes)


def test_another_file_is_named(tmp_path):
    (tmp_path / FILE).write_text('not a table at all, but long enough to be read as one ' * 100)
    with pytest.raises(ValueError, match=FILE):
        Store(tmp_path)


def test_whole_recordings(store):
    for source, is_whole in (('a', True), ('b', True), ('a', False)):
        store.set_whole(source, 'Ada', is_whole)
    assert store.whole() == {'b'}
