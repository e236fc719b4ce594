"""The lines of a training run on the console."""

import logging
from pathlib import Path

import pytest

from mmaction_timesformer.engine.console import _FOR_THE_FILE, _FOR_THE_FILE_IN_TRAINING
from mmaction_timesformer.engine.hooks import progress_hook
from tests.engine.hooks.test_temperature_hook import runner_of


def test_start_estimate_epochs_and_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = runner_of(tmp_path, custom_hooks=[dict(type='ProgressHook')])
    logging.getLogger('mmengine').handlers.clear()
    steps = len(runner.build_dataloader(runner._train_dataloader))
    runner.train()
    lines = [line for line in capsys.readouterr().out.splitlines() if ' - ' not in line]
    shown = '\n'.join(lines)
    assert f'Training on cpu: 40 clips, 0.0 M parameters, 3 epochs of {steps} steps' in shown
    assert shown.count('s (two timed), so training takes about 0:00:0') == 1
    assert [line.split(':')[0] for line in lines if line.startswith('epoch')] == [
        f'epoch {number}/3' for number in (1, 2, 3)
    ]


def test_two_processes_are_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_hook, '_WORTH_SHARING_SECONDS', 0)
    for cores, proposed in ((1, 0), (2, 1)):
        monkeypatch.setattr(progress_hook, 'num_cores', lambda: cores)  # noqa: B023
        runner_of(tmp_path / str(cores), custom_hooks=[dict(type='ProgressHook')]).train()
        assert capsys.readouterr().out.count('--processes 2') == proposed


def test_durations_are_those_of_a_clock() -> None:
    assert progress_hook._duration(3725.4) == '1:02:05'


@pytest.mark.parametrize(
    ('line', 'in_training', 'in_testing'),
    [
        ('\n-----------------------------------------\nSystem environment:', False, False),
        ('Config:\nmodel = dict()', False, False),
        ('Hooks will be executed in the following order:', False, False),
        ('Epoch(train) [1][20/26]  lr: 1.0e-3', False, True),
        ('Epoch(val) [1][7/7]  acc/top1: 0.5', False, True),
        ('Epoch(test) [2/2]  acc/top1: 0.5', True, True),
        ('weights.pth (huggingface ViT): 12 copied', True, True),
        ('the checkpoint does not fit', True, True),
    ],
)
def test_the_console_is_short(line: str, in_training: bool, in_testing: bool) -> None:
    assert (not _FOR_THE_FILE.match(line)) == in_testing
    left_out = _FOR_THE_FILE.match(line) or _FOR_THE_FILE_IN_TRAINING.match(line)
    assert (not left_out) == in_training
