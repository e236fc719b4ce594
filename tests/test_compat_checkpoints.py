"""mmengine's checkpoints are loaded in torch's safe mode, and nothing else is let through."""

import os
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler
from mmengine.runner import Runner

from mmaction_timesformer import compat
from tests.fresh_interpreter import run_with_and_without
from tests.small_models import OneWeight


class Mean(BaseMetric):
    """The mean output, as the numpy scalar that many metrics return."""

    def process(self, data_batch: object, data_samples: list[float]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[float]) -> dict[str, np.floating]:
        return {'mean': np.mean(results)}


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with all that mmengine puts into one: log, best score, averages, schedules."""
    data = {
        'dataset': [{'inputs': torch.tensor([value])} for value in (0.0, 1.0, 2.0, 3.0)],
        'batch_size': 2,
        'sampler': {'type': 'DefaultSampler'},
        'collate_fn': {'type': 'default_collate'},
    }
    work_dir = tmp_path_factory.mktemp('work_dir')
    runner = Runner(
        model=OneWeight(),
        work_dir=str(work_dir),
        train_dataloader=data,
        val_dataloader=data,
        val_evaluator=[Mean()],
        train_cfg={'by_epoch': True, 'max_epochs': 2},
        val_cfg={},
        optim_wrapper={'optimizer': {'type': 'AdamW', 'lr': 0.1}},
        param_scheduler=[
            {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'end': 2},
            {'type': 'MultiStepLR', 'milestones': [1]},
            {'type': 'CosineAnnealingLR', 'T_max': 2},
            {'type': 'OneCycleLR', 'eta_max': 1.0, 'total_steps': 4, 'by_epoch': False},
            {'type': 'ReduceOnPlateauLR', 'monitor': 'mean'},
        ],
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'save_best': 'mean', 'rule': 'greater'}
        },
        custom_hooks=[{'type': 'EMAHook'}],
        experiment_name='checkpoint',
    )
    runner.train()
    return work_dir / 'epoch_2.pth'


LOAD = """
import torch
content = torch.load({path!r})
print(content['meta']['epoch'], content['message_hub']['log_scalars']['train/loss'].current())
"""


def test_mmengine_checkpoints_are_loaded(checkpoint: Path) -> None:
    mended, unmended = run_with_and_without(
        'allow_mmengine_checkpoints', LOAD.format(path=str(checkpoint))
    )
    epoch, loss = mended.stdout.split()
    content = torch.load(checkpoint, weights_only=True)
    assert int(epoch) == content['meta']['epoch'] == 2, mended.stderr
    assert float(loss) == content['message_hub']['log_scalars']['train/loss'].current()
    assert 'Weights only load failed' in unmended.stderr
    assert {'optimizer', 'param_schedulers', 'ema_state_dict'} <= set(content)


def rewrite_pickle(source: Path, target: Path, change: Callable[[bytes], bytes]) -> None:
    """Copy a checkpoint with its pickle changed, byte for byte."""
    with ZipFile(source) as old, ZipFile(target, 'w', ZIP_STORED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith('data.pkl') else content)


def test_checkpoints_saved_beside_numpy_1_are_loaded(checkpoint: Path, tmp_path: Path) -> None:
    """Numpy 2 moved what pickles name from numpy.core to numpy._core."""
    old = tmp_path / 'old.pth'
    rewrite_pickle(checkpoint, old, lambda data: data.replace(b'numpy._core.', b'numpy.core.'))
    assert b'numpy.core.multiarray' in old.read_bytes()
    content = torch.load(old, weights_only=True)
    expected = torch.load(checkpoint, weights_only=True)
    for name, history in content['message_hub']['log_scalars'].items():
        reference = expected['message_hub']['log_scalars'][name]
        np.testing.assert_array_equal(history.data, reference.data)


class CallsSystem:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ('echo unsafe',)


class TakesAttribute:
    def __init__(self, owner: object, name: str) -> None:
        self.arguments = (owner, name)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return getattr, self.arguments


@pytest.mark.parametrize(
    'unsafe',
    [
        CallsSystem(),
        TakesAttribute(HistoryBuffer, '__init__'),
        TakesAttribute(OneCycleParamScheduler, 'build_iter_from_epoch'),
        TakesAttribute(torch.Tensor, 'min'),
    ],
    ids=['call', 'other attribute', 'other method', 'other class'],
)
def test_other_pickles_are_still_refused(unsafe: object, tmp_path: Path) -> None:
    path = tmp_path / 'unsafe.pth'
    torch.save({'state_dict': {}, 'unsafe': unsafe}, path)
    with pytest.raises(UnpicklingError):
        torch.load(path)


def test_older_torch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, '__version__', '2.5.1')
    monkeypatch.setattr(
        torch.serialization, 'add_safe_globals', lambda allowed: pytest.fail('nothing is broken')
    )
    compat.allow_mmengine_checkpoints()
