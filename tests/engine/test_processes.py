"""Processes that share batches: how a config is divided, and how a failure ends all of them."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.engine.launch import TrainingOptions, run_training
from mmaction_timesformer.engine.processes import run_side_by_side, share_batches


def test_a_batch_and_its_loaders_are_shared():
    loader = dict(batch_size=8, num_workers=5, persistent_workers=True, prefetch_factor=3)
    cfg = Config(dict(train_dataloader=loader, val_dataloader=dict(num_workers=1)))
    share_batches(cfg, 2)
    assert cfg.train_dataloader == dict(loader, batch_size=4, num_workers=2)
    assert cfg.val_dataloader == dict(num_workers=0, persistent_workers=False)
    share_batches(cfg, 4)
    expected = dict(batch_size=1, num_workers=0, persistent_workers=False)
    assert cfg.train_dataloader == expected


def test_a_batch_that_does_not_divide_is_refused():
    cfg = Config(dict(train_dataloader=dict(batch_size=8, num_workers=1)))
    with pytest.raises(ValueError, match='batch_size=8 does not divide into 3 processes'):
        share_batches(cfg, 3)


@pytest.mark.parametrize('changes', [dict(processes=0), dict(processes=2, launcher='pytorch')])
def test_processes_without_a_meaning_are_refused(tmp_path: Path, changes):
    config = tmp_path / 'config.py'
    config.write_text('model = dict()')
    with pytest.raises(ValueError, match='must be 1 or more, and 1 with a launcher'):
        run_training(str(config), TrainingOptions(**changes))


def add_ranks(folder: Path) -> None:
    torch.distributed.init_process_group('gloo')
    rank = torch.tensor(torch.distributed.get_rank() + 1)
    torch.distributed.all_reduce(rank)
    (folder / os.environ['LOCAL_RANK']).write_text(str(rank.item()))


def test_processes_meet(tmp_path: Path):
    run_side_by_side(partial(add_ranks, tmp_path), 2)
    assert [(tmp_path / name).read_text() for name in '01'] == ['3', '3']


def fail_alone() -> None:
    if os.environ['RANK'] == '0':
        time.sleep(60)  # as one that waits for the other
    raise FileNotFoundError(2, 'No such file', 'clip.mp4')


def test_what_one_raises_ends_all():
    started = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r'clip\.mp4'):
        run_side_by_side(fail_alone, 2)
    assert time.monotonic() - started < 30


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_told():
    with pytest.raises(OSError, match='a training process was killed'):
        run_side_by_side(die, 2)
