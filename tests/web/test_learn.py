"""The Learn page on a real lineage: corrections, a model that waits, a decision, the log."""

import time

import pytest
from starlette.testclient import TestClient

from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import read_exam
from mmaction_timesformer.web.app import make_app
from mmaction_timesformer.web.security import CSRF_HEADER
from mmaction_timesformer.web.serving import ServeArguments, open_site
from mmaction_timesformer.web.store import Verdict
from tests.learning.conftest import lineage, yard  # noqa: F401


@pytest.fixture
def site(lineage, yard, tmp_path):  # noqa: F811
    arguments = ServeArguments(
        str(tmp_path / 'out'),
        recordings=[str(yard.folder / 'data' / 'videos')],
        lineage=str(lineage.folder),
    )
    return open_site(arguments, 8765)


@pytest.fixture
def client(site):
    headers = {CSRF_HEADER: site.access.csrf, 'accept': 'text/html'}
    return TestClient(make_app(site), base_url='http://127.0.0.1:8765', headers=headers)


def correct(store, yard, count):  # noqa: F811
    """Label clips that the model has not seen, as the Label page does."""
    for number, clip in enumerate(yard.new.clips[:count]):
        name = '/'.join(clip.path.split('/')[-2:])
        label = yard.new.classes[clip.label]
        key = f'key-{number:05}'
        store.add(Verdict(key, f'i{key}', '', 'Ada', 'relabel', name, label, 0.0, 2.0))


def test_corrections_become_a_model_that_somebody_takes(site, client, yard):  # noqa: F811
    assert 'there is nothing to learn' in client.get('/learn').text
    correct(site.store, yard, 12)
    page = client.get('/learn').text
    assert '12 verdicts by Ada' in page
    page = client.post('/learn/learn', data={'who': 'Ada'}).text
    assert 'model 0002 waits for a decision' in page
    line = Lineage(site.lineage)
    (waiting,) = line.waiting()
    assert waiting.change['num_added'] == 12
    assert waiting.exam['fingerprint'] == read_exam(line).fingerprint
    for cell in waiting.exam['cells']:
        assert f'{cell["before"]:.3f}' in page
    form = {'who': 'Bob', 'model': '0002', 'reason': 'looks right', 'against': 'yes'}
    page = client.post('/learn/accept', data=form).text
    assert 'model 0002 is in use' in page
    assert line.current.model == '0002'
    assert [(r['action'], r['by']) for r in line.log()][1:] == [('add', 'Ada'), ('accept', 'Bob')]
    page = client.post('/learn/rollback', data={'who': 'Bob'}).text
    assert line.current.model == '0001'


@pytest.mark.parametrize(
    ('step', 'form', 'words'),
    [
        ('learn', {}, 'there is nothing to learn'),
        ('accept', {'model': '../../etc'}, 'none of the models'),
        ('dance', {}, 'dance is unknown'),
    ],
)
def test_what_is_wrong_is_said_in_the_page(client, step, form, words):
    page = client.post(f'/learn/{step}', data=form)
    assert page.status_code == 200
    assert words in page.text


def test_without_a_lineage_the_page_says_how_to_begin(results):
    site = open_site(ServeArguments(str(results)), 8765)
    client = TestClient(make_app(site), base_url='http://127.0.0.1:8765')
    assert 'continue start' in client.get('/learn').text


def test_one_night_at_a_time_which_can_be_stopped(site, client, yard):  # noqa: F811
    correct(site.store, yard, 4)
    assert 'a training has begun' in client.post('/learn/overnight', data={'who': 'Ada'}).text
    assert 'a training runs already' in client.post('/learn/overnight').text
    assert 'every 2s' in client.get('/learn/night').text
    assert 'train overnight' not in client.get('/learn/content').text
    assert 'asked to end' in client.post('/learn/stop').text
    while site.night.state().runs:
        time.sleep(0.05)
    part = client.get('/learn/night').text
    assert 'is over' in part
    assert 'hx-get="/learn/content" hx-trigger="load"' in part  # the page asks for all anew
    assert 'train overnight' in client.get('/learn/content').text
    assert 'no training runs' in client.post('/learn/stop').text
