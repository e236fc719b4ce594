import json
import pickle
import re
import subprocess
from pathlib import Path

import pytest
import torch

from demo_yard.walkthrough.demo import NamedStep, run_demo
from demo_yard.walkthrough.demo_run import DemoOptions, StepFailedError
from demo_yard.walkthrough.showing import clips_to_explain
from demo_yard.walkthrough.steps import last_checkpoint
from tests.warm_python import loaded_python


def test_steps_run_in_order_and_results_are_printed(tmp_path, capsys):
    def measure(run):
        run.metrics.update({'acc/top1': 0.5, 'time': 0.1})

    def place(run):
        assert run.metrics
        run.results['page'] = tmp_path / 'page.html'

    steps = (NamedStep('First', measure), NamedStep('Second', place))

    assert run_demo(DemoOptions(tmp_path), steps) == 0

    said = capsys.readouterr().out
    assert said.index('[1/2] First') < said.index('[2/2] Second') < said.index('Done in')
    assert 'acc/top1: 0.5000' in said
    assert 'page.html' in said
    assert 'time' not in said
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert figures['metrics'] == {'acc/top1': 0.5, 'time': 0.1}
    assert list(figures['seconds']) == ['First', 'Second']


def test_failed_step_ends_the_demo(tmp_path, capsys):
    def fail(run):
        raise StepFailedError('no luck')

    def never(run):
        raise AssertionError

    assert run_demo(DemoOptions(tmp_path), [NamedStep('Bad', fail), NamedStep('Next', never)]) == 1
    assert capsys.readouterr().err == 'error: Bad: no luck\n'


def test_unfinished_training_is_named(tmp_path):
    with pytest.raises(StepFailedError, match='no checkpoint'):
        last_checkpoint(tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_9.pth'))
    with pytest.raises(StepFailedError, match='no checkpoint'):
        last_checkpoint(tmp_path)


def test_the_surest_hit_of_each_class_is_explained(tmp_path):
    scores = [[0.6, 0.4], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]
    samples = [
        dict(filename=f'{row}.mp4', pred_score=torch.tensor(score), gt_label=torch.tensor([label]))
        for row, (score, label) in enumerate(zip(scores, [0, 0, 1, 1], strict=True))
    ]
    (tmp_path / 'dump.pkl').write_bytes(pickle.dumps(samples))
    assert clips_to_explain(tmp_path / 'dump.pkl') == [Path('1.mp4'), Path('3.mp4')]


@pytest.mark.slow
def test_quick_demo_goes_all_the_way(tmp_path, root):
    run = subprocess.run(
        [loaded_python(), 'tools/demo.py', '--quick', '--work-dir', str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-3000:]
    summary = run.stdout[run.stdout.index('Done in') :]
    assert 'acc/top1' in summary
    lines = dict(line.strip().split(': ', 1) for line in summary.splitlines()[1:])
    for name in ('videos', 'data report', 'checkpoint', 'test metrics', 'results', 'explanations'):
        assert Path(lines[name]).exists()
    assert 0 <= float(lines['events/F1 at tIoU 0.3']) <= 1
    index = Path(lines['index'])
    links = re.findall(r'href="([^"]*)"', index.read_text())
    assert links == [
        'data_report/report.html',
        'results/report.html',
        'explanations/index.html',
        'events/unseen/report.html',
    ]
    assert all((index.parent / link).is_file() for link in links)
