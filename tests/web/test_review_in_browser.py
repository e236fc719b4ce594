"""Alarms reviewed by keyboard in a real browser, whatever happens to the server and the network."""

import shutil
import time

import pytest

from mmaction_timesformer.web.items import find_items
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.store import Store
from tests.web.conftest import MANY_ALARMS, alarm_seconds
from tests.web.driving import (
    choose,
    find,
    open_page,
    press,
    set_offline,
    texts,
    wait_for,
    wait_until_stored,
)

SAYS = {'r': ('right', 'Digging'), 'w': ('wrong', 'Digging'), '2': ('relabel', 'Walking')}


@pytest.fixture(scope='module')
def served(long_run, tmp_path_factory, serve_all):
    """One server for tests that judge different alarms."""
    folder = tmp_path_factory.mktemp('served') / 'out'
    return serve_all(shutil.copytree(long_run / 'out', folder))


def show_alarms(browser, url, who, since=0.0, until=1e6):
    """Show the alarms that begin within a time, in order."""
    open_page(browser, f'{url}review', who)
    for name, moment in (('since', since), ('until', until)):
        find(browser, f'[name={name}]').send_keys(f'{moment}\t')
    choose(browser, 'kind', 'alarm')
    choose(browser, 'order', 'time')
    count = sum(since <= alarm_seconds(n) < until for n in range(MANY_ALARMS))
    wait_for(browser, lambda b: find(b, '#items').get_attribute('aria-busy') == 'false')
    assert texts(browser, '#counts')[0].startswith(f'{count} fit')


def alarms_in(folder):
    return [item for item in find_items(RunRecords(folder)) if item.kind == 'alarm']


def test_a_hundred_alarms_by_keyboard(browser, serve_all, long_run, tmp_path):
    """None is lost when the server is killed or the network is gone between two presses."""
    results = shutil.copytree(long_run / 'out', tmp_path / 'out')
    server = serve_all(results)
    show_alarms(browser, server.url, 'Ada')
    keys = [('r', 'w', '2')[number % 3] for number in range(MANY_ALARMS)]
    started = time.monotonic()
    for number, key in enumerate(keys):
        if number == 25:
            server.kill()
        if number == 40:
            assert 'not stored yet' in find(browser, '#outbox').text
            server.start()
            wait_until_stored(browser)
        if number == 60:
            set_offline(browser, True)
        if number == 85:
            set_offline(browser, False)
        press(browser, key)
    wait_until_stored(browser)
    assert time.monotonic() - started < 180
    server.kill()
    states = Store(results).states()
    found = [(states[i.id]['says'], states[i.id]['label']) for i in alarms_in(results)]
    assert found == [SAYS[key] for key in keys]
    assert {state['who'] for state in states.values()} == {'Ada'}
    assert len(Store(results).history()) == MANY_ALARMS


def test_keys_go_back_undo_and_move_the_start(browser, served):
    show_alarms(browser, served.url, 'Ada', until=40)
    press(browser, 'rwk')  # judges two, back to the second
    press(browser, 'u')
    field = find(browser, '#start')
    field.clear()
    field.send_keys('5.5\t')
    wait_until_stored(browser)
    first, second = alarms_in(served.folder)[:2]
    store = Store(served.folder)
    assert store.state(first.id)['says'] == 'right'
    moved = store.state(second.id)
    assert (moved['says'], moved['start_seconds']) == ('right', 5.5)
    assert [row['says'] for row in store.history(second.id)] == ['right', 'undo', 'wrong']


def test_two_people_do_not_overwrite_each_other(browser, open_browser, served):
    other = open_browser()
    for window, who in ((browser, 'Ada'), (other, 'Bob')):
        show_alarms(window, served.url, who, since=40, until=80)
    press(browser, 'r')
    wait_until_stored(browser)
    press(other, 'w')
    wait_for(other, lambda b: find(b, '#notice').is_displayed())
    assert find(other, '#notice').text.startswith('Ada was faster: Digging right.')
    item = next(item for item in alarms_in(served.folder) if item.start_seconds >= 40)
    assert Store(served.folder).state(item.id)['says'] == 'right'
    press(other, 'kw')  # having been told, he insists
    wait_until_stored(other)
    assert [row['who'] for row in Store(served.folder).history(item.id)] == ['Bob', 'Ada']


def test_many_at_once(browser, served):
    show_alarms(browser, served.url, 'Ada', since=80)
    find(browser, '#all').click()
    find(browser, '[data-bulk=wrong]').click()
    wait_until_stored(browser)
    states = Store(served.folder).states()
    late = [item for item in alarms_in(served.folder) if item.start_seconds >= 80]
    assert [states[item.id]['says'] for item in late] == ['wrong'] * len(late)
    assert len(late) == 80
