"""Try, Watch and Learn with a real model in a real browser: every button that changes something."""

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import start
from mmaction_timesformer.web.store import Store
from tests.learning.conftest import yard  # noqa: F401
from tests.web.driving import drop_file, find, open_page, texts, wait_for
from tests.web.test_learn import correct


@pytest.fixture(scope='module')
def lineage(yard, tmp_path_factory):  # noqa: F811
    return start(tmp_path_factory.mktemp('lineage'), yard.checkpoint, yard.exam, by='ann')


@pytest.fixture(scope='module')
def served(yard, lineage, long_run, tmp_path_factory, serve_all):  # noqa: F811
    """A server with a lineage and a camera, which is a recording that takes a while to watch."""
    config = tmp_path_factory.mktemp('config') / 'slow.py'
    config.write_text(
        f"_base_ = '{yard.folder / 'config.py'}'\ndetection = dict(hop_seconds=0.1)\n"
    )
    options = {
        '--config': config,
        '--checkpoint': lineage.folder,
        '--lineage': lineage.folder,
        '--recordings': yard.folder / 'data' / 'videos',
        '--camera': f'gate={long_run / "recordings" / "gate.mp4"}',
    }
    words = [str(word) for pair in options.items() for word in pair]
    return serve_all(tmp_path_factory.mktemp('served') / 'out', *words)


def press_button(browser, words):
    """Press the first button that says this, also where the page is just being renewed."""

    def press(browser):
        try:
            browser.find_element('xpath', f'//main//button[normalize-space()="{words}"]').click()
        except (NoSuchElementException, StaleElementReferenceException):
            return False
        return True

    wait_for(browser, press)


def wait_for_words(browser, selector, words):
    wait_for(browser, lambda b: any(words in text for text in texts(b, selector)))


def test_a_video_is_tried_by_name_and_dropped(browser, served, yard, lineage):  # noqa: F811
    clip = yard.exam.clips[0]
    expected = TrainedModel.load(None, lineage.checkpoint()).predict(clip.path)
    open_page(browser, f'{served.url}try')
    find(browser, '#name').send_keys('/'.join(clip.path.split('/')[-2:]))
    press_button(browser, 'try it')

    def shown(browser):
        # At one moment: the page may be changing.
        words = texts(browser, '.scores dt, .scores dd')
        return dict(zip(words[::2], words[1::2], strict=True))

    wait_for(browser, shown)
    by_name = {name: float(value) for name, value in shown(browser).items()}
    assert by_name == pytest.approx(expected, abs=6e-4)
    browser.get(f'{served.url}try')
    drop_file(browser, '#drop', clip.path)
    wait_for(browser, shown)
    assert {name: float(value) for name, value in shown(browser).items()} == by_name


def test_watch_starts_a_detector_and_stops_it(browser, served):
    open_page(browser, f'{served.url}watch')
    wait_for_words(browser, '#detector', 'No detector runs')
    find(browser, '#start').click()
    wait_for_words(browser, '#detector', 'The detector runs.')
    assert not find(browser, '#start').is_enabled()
    wait_for_words(browser, '.camera h2', 'gate')
    find(browser, '#stop').click()
    wait_for_words(browser, '#detector', 'No detector runs')
    assert find(browser, '#start').is_enabled()
    assert '"interrupted": true' in (served.folder / 'events.jsonl').read_text()


def test_learn_reject_accept_and_back(browser, served, yard, lineage):  # noqa: F811
    store = Store(served.folder)
    correct(store, yard, 12)
    open_page(browser, f'{served.url}learn', 'Ada')
    wait_for_words(browser, '#learn', '12 verdicts by Ada')
    press_button(browser, 'learn them at once')
    wait_for_words(browser, '[role=status]', 'model 0002 waits for a decision')
    find(browser, '[name=reason]').send_keys('too few')
    press_button(browser, 'reject')
    wait_for_words(browser, '[role=status]', 'model 0002 is rejected')
    press_button(browser, 'learn them at once')
    wait_for_words(browser, '[role=status]', 'model 0003 waits for a decision')
    for against in browser.find_elements('css selector', '[name=against]'):
        against.click()
    find(browser, '[name=reason]').send_keys('finds yellow')
    press_button(browser, 'accept')
    wait_for_words(browser, '[role=status]', 'model 0003 is in use')
    press_button(browser, 'back to model 0001')
    wait_for_words(browser, '[role=status]', 'model 0001 is in use')
    decided = [(r['action'], r['model'], r['by'], r['reason']) for r in lineage.log()[1:]]
    assert decided == [
        ('add', '0002', 'Ada', ''),
        ('reject', '0002', 'Ada', 'too few'),
        ('add', '0003', 'Ada', ''),
        ('accept', '0003', 'Ada', 'finds yellow'),
        ('rollback', '0001', 'Ada', ''),
    ]


def test_a_night_is_stopped_and_another_comes_to_its_end(browser, served, lineage):
    open_page(browser, f'{served.url}learn', 'Ada')
    press_button(browser, 'train overnight')
    wait_for_words(browser, '#night', 'A training runs.')
    assert 'train overnight' not in texts(browser, 'main button')
    press_button(browser, 'stop the training')
    wait_for_words(browser, '#night', 'is over')
    num_models = len(Lineage(lineage.folder).cards())
    press_button(browser, 'train overnight')
    wait_for_words(browser, '[role=status]', 'A training runs.')
    # The page shows the new model by itself.
    wait_for_words(browser, 'section h2', f'Model {num_models + 1:04d}')
    (waiting,) = Lineage(lineage.folder).waiting()
    assert (waiting.how, waiting.parents) == ('overnight', ('0001',))
