"""Two processes train and test as one does, with the parameters replicated and sharded."""

from pathlib import Path
from textwrap import dedent

import pytest
import torch

from tests.tools.programs import finish, logged_metrics, start, weights_of

# mmengine's FSDP, on CPUs. There torch must not offload full weights to the CPU: it frees what it
# has not copied (pytorch/pytorch#188989).
SHARDED = """
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(type='MMFullyShardedDataParallel', device_id='cpu'),
    state_dict_cfg=dict(
        state_dict_type='FULL_STATE_DICT',
        state_dict_config=dict(type='FullStateDictConfig', offload_to_cpu=False),
        optim_state_dict_config=dict(type='FullOptimStateDictConfig', offload_to_cpu=False)))
"""


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
def one(root: Path, still_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of a training in one process."""
    folder = tmp_path_factory.mktemp('one')
    finish(start(root / 'tools' / 'train.py', still_config, '--work-dir', folder, '--seed', 3))
    return folder


def test_two_processes_share_a_batch(
    root: Path, still_config: Path, one: Path, tmp_path: Path
) -> None:
    """The steps are those of one process, and so are the weights."""
    words = [still_config, '--work-dir', tmp_path, '--seed', 3, '--processes', 2]
    assert finish(start(root / 'tools' / 'train.py', *words)).count('Training on cpu') == 1
    weights = [weights_of(folder / 'epoch_2.pth') for folder in (one, tmp_path)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('extra', ['', SHARDED], ids=['replicated', 'sharded'])
def test_two_processes_train_as_one(
    root: Path, still_config: Path, one: Path, tmp_path: Path, unused_port: int, extra: str
) -> None:
    """The same clips in each step give the same weights."""
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{still_config}'\n{extra}")
    finish(
        start(
            root / 'tools' / 'dist_train.sh',
            *[config, 2, '--work-dir', tmp_path, '--seed', 3],
            *['--cfg-options', 'train_dataloader.batch_size=2'],
            PORT=str(unused_port),
        )
    )
    weights = [weights_of(folder / 'epoch_2.pth') for folder in (one, tmp_path)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)


def test_two_processes_test_as_one(
    root: Path, still_config: Path, one: Path, tmp_path: Path, unused_port: int
) -> None:
    """Seven test clips: one of the processes is padded, and must not count a clip twice."""
    tools, checkpoint = root / 'tools', one / 'epoch_2.pth'
    alone = start(tools / 'test.py', still_config, checkpoint, '--work-dir', tmp_path / 'one')
    two = start(
        tools / 'dist_test.sh',
        *[still_config, checkpoint, 2, '--work-dir', tmp_path / 'two'],
        PORT=str(unused_port),
    )
    assert 'Epoch(test) [2/2]' in finish(two)  # two clips each, twice; alone it takes four
    finish(alone)
    metrics = [logged_metrics(tmp_path / name) for name in ('one', 'two')]
    assert metrics[0] == metrics[1]
    assert set(metrics[0]) == {'acc/top1', 'acc/top5', 'acc/mean1'}
