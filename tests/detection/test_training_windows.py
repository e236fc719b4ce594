import json
import subprocess
import sys

import pytest

from data_analysis.clips import Clip
from mmaction_timesformer.datasets import RailwayYardDataset
from mmaction_timesformer.detection.training_windows import (
    choose_windows,
    cut_windows,
    write_windows,
)
from mmaction_timesformer.detection.truth import TrueEvent
from tests.data_analysis.rendering import render_video

CLASSES = ('Digging', 'Other')


def test_windows_lie_on_a_grid_and_those_that_cut_an_event_are_left_out():
    windows = cut_windows('a/x.mp4', [TrueEvent('Digging', 4.0, 6.0)], 10.0, CLASSES, 4.0, 1.0)
    assert [(w.label, w.start_seconds, w.end_seconds, w.recording) for w in windows] == [
        (1, 0.0, 4.0, 'x'),
        # From 1 s: half of the event.
        (0, 2.0, 6.0, 'x'),
        (0, 3.0, 7.0, 'x'),
        (0, 4.0, 8.0, 'x'),
        (1, 6.0, 10.0, 'x'),
    ]


def test_every_danger_stays_and_some_others():
    labels = [1, 0, 1, 1, 0, 1, 1, 1, 1]
    windows = [Clip(f'{place}.mp4', label) for place, label in enumerate(labels)]
    chosen = choose_windows(windows, 1, 1.5, seed=0)
    assert [window.label for window in chosen].count(0) == 2
    assert len(chosen) == 2 + 3
    assert [window.path for window in chosen] == sorted(window.path for window in chosen)
    assert choose_windows(windows, 1, 100.0, seed=0) == windows


def cut(root, *arguments):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', 'tools/cut_windows.py', *map(str, arguments)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def recordings(tmp_path):
    """Ten seconds whose length only the file tells, with an event in the middle."""
    render_video(tmp_path / 'yard 1.mp4', num_frames=100, fps=10)
    event = {'label': 'Bucket-Worker', 'start_seconds': 4.0, 'end_seconds': 6.0}
    (tmp_path / 'truth.json').write_text(json.dumps({'yard 1.mp4': {'events': [event]}}))
    return tmp_path


def test_the_tool_writes_a_list_that_can_be_trained_on(recordings, root):
    out = recordings / 'windows.csv'
    run = cut(root, recordings, recordings / 'truth.json', '--out', out, '--hop-seconds', 1)
    assert run.returncode == 0, run.stderr
    assert '3 Bucket-Worker' in run.stdout
    dataset = RailwayYardDataset(str(out), [], data_prefix=dict(video=str(recordings)))
    labels = {
        (clip['start_seconds'], clip['label'])
        for clip in map(dataset.get_data_info, range(len(dataset)))
    }
    assert labels >= {(2.0, 1), (3.0, 1), (4.0, 1), (0.0, 3)}


@pytest.mark.parametrize(
    ('classes', 'span_seconds', 'message'),
    [
        (CLASSES, 4.0, "events \\['Bucket-Worker'\\]"),
        (('Bucket-Worker',), 4.0, "lack 'Other'"),
        (('Bucket-Worker', 'Other'), 40.0, 'no window of 40 s shows a danger'),
    ],
)
def test_what_does_not_fit_is_said(recordings, classes, span_seconds, message):
    out = recordings / 'windows.csv'
    with pytest.raises(ValueError, match=message):
        write_windows(
            recordings, recordings / 'truth.json', out, classes, span_seconds, 0.5, 3.0, seed=0
        )
    assert not out.exists()


def test_a_missing_truth_is_one_line(tmp_path, root):
    run = cut(root, tmp_path, tmp_path / 'truth.json', '--out', tmp_path / 'windows.csv')
    assert run.returncode == 2
    assert run.stderr == f'error: {tmp_path}/truth.json: no such file of true events\n'
