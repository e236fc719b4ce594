"""A detector that runs takes over what was learned, without a restart and without a lost window."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer.detection.archive import ModelFiles
from mmaction_timesformer.detection.results.event_log import read_records
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.learning.steps import learn_at_once
from tests.tiny_run import CLASSES, COLOURS, FPS, HEIGHT, WIDTH
from video_clips.writing import write_video


@pytest.fixture(scope='module')
def recording(tmp_path_factory) -> Path:
    """A minute in which the square is yellow."""
    generator = np.random.default_rng(5)
    ground = generator.uniform(60, 120, size=(HEIGHT, WIDTH, 3))
    pictures = []
    for number in range(60 * FPS):
        picture = ground.copy()
        row, column = (number * 2) % (HEIGHT - 20), (number * 3) % (WIDTH - 20)
        picture[row : row + 20, column : column + 20] = COLOURS[3]
        pictures.append((picture + generator.normal(scale=6, size=picture.shape)).clip(0, 255))
    file = tmp_path_factory.mktemp('recordings') / 'gate.mp4'
    write_video(file, [picture.astype(np.uint8) for picture in pictures], FPS)
    return file


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def records_of(out: Path, kind: str) -> list[dict]:
    file = out / 'events.jsonl'
    return [r for r in read_records(file) if r['record'] == kind] if file.is_file() else []


def labels_of(out: Path) -> set[str]:
    return {record['label'] for record in records_of(out, 'event')}


class Running:
    """A detector on a source that is played as fast as it was recorded, in a thread."""

    def __init__(self, yard, lineage, recording: Path, out: Path) -> None:
        self.out, self.stop = out, threading.Event()
        self.detector = ModelFiles(str(yard.folder / 'config.py'), str(lineage.folder)).load()
        source = Source('gate', str(recording), pace=1.0)
        arguments = (self.detector, [source], out)
        self.thread = threading.Thread(target=run, args=arguments, kwargs=dict(stop=self.stop))

    def __enter__(self) -> 'Running':
        self.thread.start()
        file = self.out / 'scores.csv'
        wait_for(lambda: file.is_file() and 'gate' in file.read_text() and self.windows())
        return self

    def windows(self) -> list:
        return read_scores(self.out / 'scores.csv')[1].get('gate', [])

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


@pytest.mark.slow
def test_corrections_reach_a_running_detector_in_two_seconds(yard, lineage, recording, tmp_path):
    learner = Learner.open(lineage.checkpoint(), lineage.cache)
    corrections = Corrections.of(yard.new.clips[-20:], CLASSES)
    learner.features(corrections.clips)  # The page has them from showing the clips.
    with Running(yard, lineage, recording, tmp_path / 'out') as running:
        assert running.windows()[-1].scores[:3] != ()
        started = time.monotonic()
        card = learn_at_once(lineage, corrections, 'ann', learner=learner)
        lineage.accept(card.model, 'ann', 'for the test', against_gate=True)
        wait_for(lambda: records_of(running.out, 'model'))
        seconds = time.monotonic() - started
        # A few windows more, since rules smooth.
        wait_for(lambda: 'yellow' in labels_of(running.out))
    assert seconds < 2.0 * machine_factor()
    (record,) = records_of(tmp_path / 'out', 'model')
    assert (record['state'], record['name'], record['error']) == ('taken over', '0002', '')
    assert record['before'].startswith(lineage.card('0001').digest[:8])
    assert record['model'].startswith(card.digest[:8])
    # The new class is an event and has a column, and windows follow one another.
    assert 'yellow' in labels_of(tmp_path / 'out')
    classes, scores = read_scores(tmp_path / 'out' / 'scores.csv')
    assert classes == CLASSES
    times = [window.seconds for window in scores['gate']]
    np.testing.assert_allclose(np.diff(times), 0.5, atol=1e-6)
    before = [window.scores[3] for window in scores['gate']]
    assert before[0] == 0.0
    assert before[-1] > 0.5
    manifest = json.loads((tmp_path / 'out' / 'run.json').read_text())
    assert manifest['fingerprint'] == record['model']
    # And a detector that is started later goes on in the same folder.
    lineage.rollback('ann')
    lineage.accept(card.model, 'ann', 'again', against_gate=True)
    with Running(yard, lineage, recording, tmp_path / 'out'):
        pass
    assert len(records_of(tmp_path / 'out', 'model')) == 1


def machine_factor() -> float:
    """How much busier this machine is than an idle one: waits are no one's fault."""
    started, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < 0.2:
        np.linalg.norm(np.ones((200, 200)))
    return max(1.0, (time.monotonic() - started) / 0.2)


@pytest.mark.slow
def test_a_model_that_cannot_be_read_does_not_take_over(yard, lineage, recording, tmp_path):
    card = learn_at_once(lineage, Corrections.of(yard.new.clips[:4], CLASSES), 'ann')
    lineage.checkpoint(card.model).write_bytes(b'damaged')
    with Running(yard, lineage, recording, tmp_path / 'out') as running:
        lineage.accept(card.model, 'ann', 'for the test', against_gate=True)
        wait_for(lambda: records_of(running.out, 'model'))
        seen = len(running.windows())
        wait_for(lambda: len(running.windows()) > seen + 2)
    (record,) = records_of(tmp_path / 'out', 'model')
    assert record['state'] == 'not taken over'
    assert 'model.pth' in record['error']
    assert read_scores(tmp_path / 'out' / 'scores.csv')[0] == CLASSES[:3]


def test_a_model_changed_while_no_detector_ran(yard, lineage, recording, tmp_path):
    with Running(yard, lineage, recording, tmp_path / 'out'):
        pass
    card = learn_at_once(lineage, Corrections.of(yard.new.clips, CLASSES), 'ann')
    lineage.accept(card.model, 'ann', 'for the test', against_gate=True)
    with Running(yard, lineage, recording, tmp_path / 'out'):
        pass
    (record,) = records_of(tmp_path / 'out', 'model')
    assert record['state'] == 'taken over'
    classes, scores = read_scores(tmp_path / 'out' / 'scores.csv')
    assert classes == CLASSES
    assert len({window.seconds for window in scores['gate']}) == len(scores['gate'])


def test_a_run_on_a_cluster_stays_with_the_model_that_it_began_with(yard, lineage):
    """Its workers load at different times, and its parts become one table of scores."""
    pinned = ModelFiles(str(yard.folder / 'config.py'), str(lineage.folder)).pinned()
    card = learn_at_once(lineage, Corrections.of(yard.new.clips, CLASSES), 'ann')
    lineage.accept(card.model, 'ann', 'for the test', against_gate=True)
    detector = pinned.load()
    assert detector.classes == CLASSES[:3]
    assert (detector.next_model, detector.predecessors) == (None, ())
