"""A run that was killed goes on as if it had not been."""

import signal
from pathlib import Path
from textwrap import dedent

import torch

from tests.tools.programs import finish, log_lines, start, weights_of

KILL_HOOK = """
import os
import signal

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class KillHook(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if (runner.epoch, batch_idx) == (1, 1):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_run_goes_on_from_its_last_checkpoint(
    root: Path, tiny_config: Path, tmp_path: Path
) -> None:
    """SIGKILL in the second epoch; the resumed epochs equal those of an uninterrupted run.

    The data are augmented and paths dropped at random; the resumed run is told no seed.
    """
    (tmp_path / 'kill_hook.py').write_text(KILL_HOOK)
    deadly_config = tmp_path / 'deadly.py'
    deadly_config.write_text(
        dedent(f"""
        _base_ = '{tiny_config}'
        custom_imports = dict(imports=['mmaction_timesformer', 'kill_hook'])
        custom_hooks = [dict(type='mmengine.KillHook')]
        """)
    )
    train, whole, killed = root / 'tools' / 'train.py', tmp_path / 'whole', tmp_path / 'killed'
    uninterrupted = start(train, tiny_config, '--work-dir', whole, '--seed', 3)
    finish(
        start(
            train, deadly_config, '--work-dir', killed, '--seed', 3, PYTHONPATH=f'{root}:{tmp_path}'
        ),
        returncode=-signal.SIGKILL,
    )
    finish(uninterrupted)
    assert (killed / 'last_checkpoint').read_text().endswith('epoch_1.pth')
    assert [line['epoch'] for line in log_lines(killed)] == [1, 1, 1, 2]

    finish(start(train, tiny_config, '--work-dir', killed, '--resume'))

    resumed = log_lines(killed)
    assert [line['epoch'] for line in resumed] == [2, 2, 2, 3, 3, 3]
    expected = [line for line in log_lines(whole) if line['epoch'] > 1]
    for name in ('loss', 'lr', 'grad_norm', 'iter', 'step'):
        assert [line[name] for line in resumed] == [line[name] for line in expected], name
    weights = [weights_of(folder / 'epoch_3.pth') for folder in (whole, killed)]
    torch.testing.assert_close(*weights, rtol=0, atol=0)
