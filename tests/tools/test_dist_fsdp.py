"""Sharded over two processes, the parameters train as they do in one."""

from pathlib import Path
from textwrap import dedent

import pytest
import torch

from tests.tools.programs import finish, start, weights_of


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


@pytest.fixture(scope='module')
def sharded_config(still_config: Path) -> Path:
    """The same with mmengine's FSDP, on CPUs.

    There torch must not offload full weights to the CPU: it frees what it has not copied
    (pytorch/pytorch#188989).
    """
    config = still_config.with_name('sharded.py')
    config.write_text(
        dedent(f"""
        _base_ = '{still_config}'
        runner_type = 'FlexibleRunner'
        strategy = dict(
            type='FSDPStrategy',
            model_wrapper=dict(type='MMFullyShardedDataParallel', device_id='cpu'),
            state_dict_cfg=dict(
                state_dict_type='FULL_STATE_DICT',
                state_dict_config=dict(type='FullStateDictConfig', offload_to_cpu=False),
                optim_state_dict_config=dict(
                    type='FullOptimStateDictConfig', offload_to_cpu=False)))
        """)
    )
    return config


@pytest.mark.slow
def test_two_sharded_processes_equal_one(
    root: Path, still_config: Path, sharded_config: Path, tmp_path: Path, unused_port: int
) -> None:
    one, two = tmp_path / 'one', tmp_path / 'two'
    alone = start(root / 'tools' / 'train.py', still_config, '--work-dir', one, '--seed', 3)
    finish(
        start(
            root / 'tools' / 'dist_train.sh',
            sharded_config,
            2,
            *['--work-dir', two, '--seed', 3, '--cfg-options', 'train_dataloader.batch_size=2'],
            PORT=str(unused_port),
        )
    )
    finish(alone)
    weights = [weights_of(folder / 'epoch_2.pth') for folder in (one, two)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)
