"""Two processes train and test as one does."""

from pathlib import Path
from textwrap import dedent

import pytest
import torch

from tests.tools.programs import finish, logged_metrics, start, weights_of


@pytest.fixture(scope='module')
def still_config(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny config without chance, which would differ between one process and two."""
    config = tmp_path_factory.mktemp('still') / 'still.py'
    config.write_text(
        dedent(f"""
        _base_ = '{tiny_config}'
        model = dict(backbone=dict(drop_path_rate=0.0))
        train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
        train_cfg = dict(max_epochs=2)
        """)
    )
    return config


def test_two_processes_equal_one(
    root: Path, still_config: Path, tmp_path: Path, unused_port: int
) -> None:
    """The same clips in each step give the same weights; the same weights the same metrics.

    Seven test clips on two processes: one of them is padded, and must not count twice.
    """
    tools, one, two = root / 'tools', tmp_path / 'one', tmp_path / 'two'
    alone = start(tools / 'train.py', still_config, '--work-dir', one, '--seed', 3)
    halved = ['--cfg-options', 'train_dataloader.batch_size=2']
    finish(
        start(
            tools / 'dist_train.sh',
            still_config,
            2,
            *['--work-dir', two, '--seed', 3, *halved],
            PORT=str(unused_port),
        )
    )
    finish(alone)
    weights = [weights_of(folder / 'epoch_2.pth') for folder in (one, two)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)

    checkpoint = one / 'epoch_2.pth'
    alone = start(tools / 'test.py', still_config, checkpoint, '--work-dir', one / 'test')
    output = finish(
        start(
            tools / 'dist_test.sh',
            still_config,
            checkpoint,
            2,
            *['--work-dir', two / 'test'],
            PORT=str(unused_port),
        )
    )
    finish(alone)
    assert 'Epoch(test) [2/2]' in output  # seven clips: two each, twice; alone it takes four
    metrics = [logged_metrics(folder / 'test') for folder in (one, two)]
    assert metrics[0] == metrics[1]
    assert set(metrics[0]) == {'acc/top1', 'acc/top5', 'acc/mean1'}
