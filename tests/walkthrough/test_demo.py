import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmaction_timesformer.walkthrough.demo import NamedStep, run_demo
from mmaction_timesformer.walkthrough.demo_run import DemoOptions, StepFailedError
from mmaction_timesformer.walkthrough.steps import last_checkpoint


def test_steps_run_in_order_and_results_are_printed(tmp_path, capsys):
    def measure(run):
        run.metrics['acc/top1'] = 0.5

    def place(run):
        assert run.metrics
        run.results['page'] = tmp_path / 'page.html'

    steps = (NamedStep('First', measure), NamedStep('Second', place))

    assert run_demo(DemoOptions(tmp_path), steps) == 0

    said = capsys.readouterr().out
    assert said.index('[1/2] First') < said.index('[2/2] Second') < said.index('Done in')
    assert 'acc/top1: 0.5000' in said
    assert 'page.html' in said


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


@pytest.mark.slow
def test_quick_demo_goes_all_the_way(tmp_path, root):
    run = subprocess.run(
        [sys.executable, 'tools/demo.py', '--quick', '--work-dir', str(tmp_path)],
        cwd=root,
        env={**os.environ, 'OMP_NUM_THREADS': '2'},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-3000:]
    summary = run.stdout[run.stdout.index('Done in') :]
    assert 'acc/top1' in summary
    lines = dict(line.strip().split(': ', 1) for line in summary.splitlines()[1:])
    for name in ('videos', 'data report', 'checkpoint', 'test metrics'):
        assert Path(lines[name]).exists()
