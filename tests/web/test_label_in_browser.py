"""Intervals drawn by keyboard while a recording plays."""

import shutil

import pytest
from selenium.webdriver.common.keys import Keys

from mmaction_timesformer.web.store import Store
from tests.web.driving import find, open_page, press, texts, wait_for, wait_until_stored


@pytest.fixture(scope='module')
def served(recorded_run, tmp_path_factory, serve_all):
    """A server that also has a recording that no detector has seen."""
    folder = tmp_path_factory.mktemp('label')
    out = shutil.copytree(recorded_run / 'out', folder / 'out')
    (folder / 'new').mkdir()
    shutil.copy(recorded_run / 'recordings' / 'gate.mp4', folder / 'new' / 'unseen.mp4')
    return serve_all(out, '--recordings', str(folder / 'new'))


def test_an_interval_by_keyboard(browser, served):
    open_page(browser, f'{served.url}label', 'Ada')
    wait_for(
        browser,
        lambda b: b.execute_script('return document.querySelector("#video").readyState > 1'),
    )
    press(browser, '2')
    press(browser, '....')
    press(browser, '2')
    wait_until_stored(browser)
    (state,) = Store(served.folder).states().values()
    assert (state['label'], state['start_seconds'], state['end_seconds']) == ('Walking', 0.0, 4.0)
    assert (state['source'], state['who'], state['shown_label']) == ('unseen.mp4', 'Ada', '')
    field = find(browser, '#rows td:nth-child(3) input')
    field.send_keys(Keys.CONTROL, 'a')
    field.send_keys('3.5\t')
    find(browser, '#whole').send_keys(' ')
    wait_until_stored(browser)
    wait_for(browser, lambda b: Store(served.folder).whole() == {'unseen.mp4'})
    assert Store(served.folder).state(state['item'])['end_seconds'] == 3.5
    find(browser, '#rows button').click()  # removed, and stays in the history
    wait_until_stored(browser)
    assert texts(browser, '#rows tr') == []
    assert Store(served.folder).state(state['item'])['says'] == 'wrong'
