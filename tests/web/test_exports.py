"""Exports, read back by the tools that they are for."""

import csv
import io
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from mmaction_timesformer.detection.quality.truth import TrueEvent, read_truth
from mmaction_timesformer.web.app import make_app
from mmaction_timesformer.web.exports import guarded
from mmaction_timesformer.web.serving import ServeArguments, open_site
from mmaction_timesformer.web.store import Verdict
from tests.web.conftest import NUM_ALARMS, PERIOD_SECONDS
from video_clips.annotation_files import Clip, read_annotations


@pytest.fixture
def site(results):
    return open_site(ServeArguments(str(results)), 8765)


@pytest.fixture
def download(site, tmp_path):
    client = TestClient(make_app(site), base_url='http://127.0.0.1:8765')

    def get(name, query=''):
        answer = client.get(f'/export/{name}{query}')
        assert answer.status_code == 200
        file = tmp_path / name
        file.write_bytes(answer.content)
        return file

    return get


@pytest.fixture
def source(site):
    return next(name for name in site.run.sources if name)


def say(site, source, number, says, label, span, shown_label='Digging'):
    verdict = Verdict(
        f'key-{number:05}', f'item-{number:05}', '', 'Ada', says, source, label, *span, shown_label
    )
    site.store.add(verdict)
    return verdict


@pytest.fixture
def judged(site, source):
    say(site, source, 1, 'right', 'Digging', (2.0, 4.0))
    say(site, source, 2, 'wrong', 'Digging', (6.0, 8.0))
    say(site, source, 3, 'relabel', 'Walking', (10.0, 12.5))
    say(site, source, 4, 'relabel', 'Digging', (3.5, 5.0), '')  # by hand, overlaps the first
    removed = say(site, source, 5, 'relabel', 'Digging', (20.0, 21.0), '')
    site.store.add(replace(removed, key='key-00006', follows=removed.key, says='wrong'))
    undone = say(site, source, 7, 'wrong', 'Digging', (30.0, 31.0))
    site.store.add(replace(undone, key='key-00008', follows=undone.key, says='undo'))


@pytest.mark.usefixtures('judged')
def test_truth(site, source, download):
    """Recordings in which everything is labelled; the others are listed when they are asked for."""
    assert download('truth.json').read_text() == '{}'
    site.store.set_whole(source, 'Ada', True)
    (recording,) = read_truth(download('truth.json')).values()
    walking = TrueEvent('Walking', 10.0, 12.5)
    assert recording.events == (TrueEvent('Digging', 2.0, 5.0), walking)
    assert recording.duration_seconds == pytest.approx(PERIOD_SECONDS * NUM_ALARMS + 4, abs=0.2)


@pytest.mark.usefixtures('judged')
def test_annotations_for_training(download):
    """A wrong alarm is a clip of the class that is no danger; what was taken back is left out."""
    classes = ('Digging', 'Walking', 'Other')
    assert read_annotations(download('annotations.csv'), classes) == [
        Clip('gate.mp4', 0, 'recordings', 2.0, 5.0),
        Clip('gate.mp4', 2, 'recordings', 6.0, 8.0),
        Clip('gate.mp4', 1, 'recordings', 10.0, 12.5),
    ]


@pytest.mark.usefixtures('judged')
def test_frames(download):
    """At eight frames a second; the end is not part of an interval."""
    rows = list(csv.DictReader(io.StringIO(download('frames.csv').read_text())))
    found = [(row['label'], int(row['first_frame']), int(row['last_frame'])) for row in rows]
    assert found == [('Digging', 16, 39), ('Other', 48, 63), ('Walking', 80, 99)]


@pytest.mark.usefixtures('judged')
def test_history_has_every_row(download):
    assert len(download('history.jsonl').read_text().splitlines()) == 8


def test_no_formula_reaches_a_spreadsheet():
    assert guarded('=HYPERLINK("http://x")') == '\'=HYPERLINK("http://x")'
    assert guarded('Digging') == 'Digging'
