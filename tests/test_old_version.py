"""A run, events and a data report that version 0.1.0 wrote open today, with the same numbers.

``tests/old_version`` holds what commit 442b8b1 wrote about rendered videos, whose file names in it
are relative to that folder:

- ``data``, ``recordings``: labelled clips; recordings with their true events. The last true event
  of ``day.mp4`` is not in the picture.
- ``run``: the work folder of ``tools/train.py``, with the dump of ``tools/test.py``.
- ``events``: the results of ``tools/detect.py`` on the recordings.
- ``report``: summary and measurements of ``python -m data_analysis --config run/config.py``.
"""

import csv
import json
import os
import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer.evaluation import load_dump

MODIFIED = 1_700_000_000
"""The videos' time of modification when they were measured."""

CONFIG, CHECKPOINT, DUMP = 'run/config.py', 'run/iter_120.pth', 'run/test.pkl'


@pytest.fixture(autouse=True)
def old_folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the files of the old version and make the copy the working directory."""
    folder = tmp_path / 'old_version'
    shutil.copytree(root / 'tests/old_version', folder)
    for video in folder.rglob('*.mp4'):
        os.utime(video, (MODIFIED, MODIFIED))
    monkeypatch.chdir(folder)
    monkeypatch.setenv('LOCAL_RANK', '0')
    return folder


@pytest.fixture
def run_program(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a tool, or the module ``data_analysis``, in this process and return its exit code."""

    def run(name: str, *arguments: object) -> int:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        try:
            if name == 'data_analysis':
                runpy.run_module(name, run_name='__main__', alter_sys=True)
            else:
                runpy.run_path(str(root / 'tools' / name), run_name='__main__')
        except SystemExit as stop:
            return stop.code or 0
        return 0

    return run


def scores_of(file: str | Path) -> dict[str, list[float]]:
    """The scores in a dump, by the recording and class folder of the clip."""
    return {
        '/'.join(Path(sample['filename']).parts[-2:]): sample['pred_score'].tolist()
        for sample in load_dump(file)
    }


def read_events(folder: str | Path) -> list[dict]:
    """The closed events of a folder, in order, without the time that finding them took."""
    records = map(json.loads, Path(folder, 'events.jsonl').read_text().splitlines())
    closed = [record for record in records if record.get('state') == 'closed']
    for event in closed:
        del event['latency_seconds']
    return sorted(closed, key=lambda event: event['event_id'])


def read_windows(folder: str | Path) -> dict[tuple[str, float], list[float]]:
    """The scores of a folder's windows, by source and time."""
    with Path(folder, 'scores.csv').open(newline='') as stream:
        rows = list(csv.reader(stream))[1:]
    windows = {(row[0], float(row[1])): [float(cell) for cell in row[2:]] for row in rows}
    assert len(windows) == len(rows)
    return windows


def test_a_test_of_the_checkpoint_gives_the_scores_in_the_dump(run_program):
    assert run_program('test.py', CONFIG, CHECKPOINT, '--work-dir', 'new', '--dump', 'new.pkl') == 0
    old, new = scores_of(DUMP), scores_of('new.pkl')
    assert len(old) == 6
    assert new.keys() == old.keys()
    for clip, scores in old.items():
        assert new[clip] == pytest.approx(scores, abs=1e-5)
    assert np.ptp([scores[0] for scores in old.values()]) > 0.1


def test_training_resumes(run_program):
    # Under the name of a run that began in the same second, it would log into that one's folder.
    changes = ['train_cfg.max_iters=140', 'experiment_name=resumed']
    options = ['--resume', CHECKPOINT, '--cfg-options', *changes]
    assert run_program('train.py', CONFIG, '--work-dir', 'resumed', *options) == 0
    (scalars,) = Path('resumed').glob('*/vis_data/scalars.json')
    entries = [json.loads(line) for line in scalars.read_text().splitlines()]
    steps = [entry['step'] for entry in entries if 'loss' in entry]
    assert max(steps) == 140
    assert min(steps) > 120


def test_the_page_of_results_shows_the_old_run(run_program):
    options = ['--no-cost', '--examples', 3, '--checked', 0]
    assert run_program('analyze_results.py', 'run', DUMP, '--out', 'results', *options) == 0
    facts = json.loads(Path('results/results.json').read_text())
    (run,) = facts['runs']
    (logged,) = (json.loads(file.read_text()) for file in Path('run').glob('*/2*.json'))
    assert run['figures']['whole']['top1']['value'] == pytest.approx(logged['cls/top1'])
    assert run['figures']['confusion'] == logged['cls/confusion_matrix']
    assert run['figures']['num_groups'] == 2
    assert [record['kind'] for record in run['records']] == ['train', 'test']
    (example,) = facts['examples']  # a close call; there is no mistake
    assert 'reason' not in example  # the checkpoint and the clip were read


def test_a_finished_folder_of_events_is_left_as_it_is(run_program):
    before = {name: Path('events', name).read_bytes() for name in os.listdir('events')}
    assert run_program('detect.py', CONFIG, CHECKPOINT, 'recordings', '--out', 'events') == 0
    assert {name: Path('events', name).read_bytes() for name in before} == before
    assert Path('events/report.html').exists()


def test_detection_gives_the_old_events(run_program):
    assert run_program('detect.py', CONFIG, CHECKPOINT, 'recordings', '--out', 'new') == 0
    assert_same_results('new', 'events')


def test_an_interrupted_folder_of_events_is_continued(run_program):
    """The old run was killed when it had seen all of ``day.mp4`` and a part of ``night.mp4``."""
    shutil.copytree('events', 'killed')
    lines = Path('events/scores.csv').read_text().splitlines(keepends=True)
    night = [line for line in lines if line.startswith('recordings/night.mp4')]
    lost = set(night[len(night) // 2 :])
    Path('killed/scores.csv').write_text(''.join(line for line in lines if line not in lost))
    lines = Path('events/events.jsonl').read_text().splitlines(keepends=True)
    records = [json.loads(line)['source'] for line in lines]
    first, second, *_ = (i for i, source in enumerate(records) if source == 'recordings/night.mp4')
    assert json.loads(lines[second])['state'] == 'open'
    kept = [
        line
        for index, line in enumerate(lines)
        if index in (first, second) or records[index] == 'recordings/day.mp4'
    ]
    Path('killed/events.jsonl').write_text(''.join(kept))
    assert run_program('detect.py', CONFIG, CHECKPOINT, 'recordings', '--out', 'killed') == 0
    assert_same_results('killed', 'events')
    assert Path('killed/events.jsonl').read_text().startswith(''.join(kept))


def assert_same_results(folder: str, expected: str) -> None:
    """Compare closed events and the scores of windows."""
    events = read_events(expected)
    assert len(events) == 3
    assert read_events(folder) == [pytest.approx(event, abs=1e-5) for event in events]
    old, new = read_windows(expected), read_windows(folder)
    assert new.keys() == old.keys()
    for window, numbers in old.items():
        assert new[window] == pytest.approx(numbers, abs=1e-5)


def test_the_old_events_are_evaluated(run_program):
    """Three of four true events were found, at tIoU 0.73 to 0.8: they begin early and end late."""
    arguments = ['events', 'recordings/truth.json', '--thresholds', 0.5, 0.9, '--out', 'found.json']
    assert run_program('evaluate_events.py', *arguments) == 0
    rows = json.loads(Path('found.json').read_text())
    loose, strict = (row for row in rows if row['label'] == 'all')
    assert (loose['threshold'], loose['num_true'], loose['num_found']) == (0.5, 4, 3)
    assert loose['recall']['value'] == pytest.approx(3 / 4)
    assert loose['precision']['value'] == pytest.approx(1)
    assert strict['recall']['value'] == 0


def test_old_measurements_are_made_again_and_the_summary_keeps_its_numbers(run_program):
    """The measures have changed since, so none of the old store's is taken."""
    old = json.loads(Path('report/summary.json').read_text())
    arguments = ['--config', CONFIG, '--no-strips', '--workers', 0]
    assert run_program('data_analysis', *arguments, '--out', 'report') == 0
    new = json.loads(Path('report/summary.json').read_text())
    assert new['measured']['files_measured'] == 10
    assert new['measured']['files_remembered'] == 0
    assert (old.pop('schema_version'), new.pop('schema_version')) == ('1.0', '1.1')
    before, after = (summary['sampler'].pop('sentence') for summary in (old, new))
    assert re.findall(r'[\d.]*\d', after) == re.findall(r'[\d.]*\d', before)  # the words changed
    for summary in (old, new):
        del summary['created'], summary['measured']
    added = ('class_by_recording', 'gallery', 'label_doubts', 'looks', 'notes')
    for name in (*added, 'recommended_config'):
        del new[name]
    for name in ('duration_seconds', 'fps', 'num_frames'):
        assert set(new['distributions'][name]['histogram'].pop('beyond').values()) == {0}
    assert new == old


def test_the_old_summary_is_compared_with_a_changed_set(run_program, capsys):
    shutil.copy('report/summary.json', 'before.json')
    Path('data/videos/Other/b.mp4').unlink()
    arguments = ['--config', CONFIG, '--no-strips', '--workers', 0, '--compare', 'before.json']
    assert run_program('data_analysis', *arguments, '--out', 'report') == 0
    new = json.loads(Path('report/summary.json').read_text())
    assert new['measured']['files_measured'] == 9
    (change,) = (line for line in capsys.readouterr().out.splitlines() if 'readable clips' in line)
    assert change.split()[-2:] == ['10', '9']
