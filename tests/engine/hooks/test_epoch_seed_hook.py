"""A resumed run sees the same data and the same noise as one that was not interrupted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from mmaction_timesformer.engine.hooks import EpochSeedHook


class NoisyDataset(BaseDataset):
    """Four numbers, each plus noise from the three generators that transforms use."""

    def load_data_list(self) -> list[dict[str, Any]]:
        return [{'number': float(number)} for number in range(4)]


def add_noise(results: dict[str, Any]) -> dict[str, Tensor]:
    noise = np.random.rand() + torch.rand(1).item()
    return {'inputs': torch.tensor([results['number'] + noise])}


class NoisyModel(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1))

    def forward(self, inputs: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        return {'loss': self.layer(inputs).square().mean()}


class Recorder(Hook):
    """Clips and losses by epoch."""

    def __init__(self) -> None:
        self.seen: dict[int, list[float]] = {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        values = [*data_batch['inputs'].flatten().tolist(), outputs['loss'].item()]
        self.seen.setdefault(runner.epoch, []).extend(values)


def train(work_dir: Path, epochs: int, num_workers: int, **runner_args: Any) -> Recorder:
    recorder = Recorder()
    torch.manual_seed(0)
    dataset = RepeatDataset(NoisyDataset(pipeline=[add_noise]), times=2)
    runner = Runner(
        model=NoisyModel(),
        work_dir=str(work_dir),
        train_dataloader={
            'dataset': dataset,
            'batch_size': 2,
            'num_workers': num_workers,
            'persistent_workers': num_workers > 0,
            'sampler': {'type': 'DefaultSampler'},
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.01}},
        custom_hooks=[EpochSeedHook(), recorder],
        experiment_name=f'{work_dir.name}-{epochs}-{num_workers}',
        **runner_args,
    )
    runner.train()
    # Persistent workers that are left to the garbage collector take five seconds each to stop.
    runner.train_dataloader._iterator = None
    return recorder


@pytest.mark.parametrize(('num_workers', 'seed'), [(0, 7), (2, None)])
def test_resumed_run_repeats_the_uninterrupted_one(
    num_workers: int, seed: int | None, tmp_path: Path
) -> None:
    """Also without a seed of the user's: the checkpoint holds the one that was drawn."""
    interrupted = tmp_path / f'interrupted-{seed}'
    first = train(interrupted, 1, num_workers, randomness={'seed': seed})
    drawn = torch.load(interrupted / 'epoch_1.pth', weights_only=True)['meta']['seed']
    resumed = train(interrupted, 3, num_workers, resume=True)
    whole = train(tmp_path / f'whole-{seed}', 3, num_workers, randomness={'seed': drawn})
    assert {**first.seen, **resumed.seen} == whole.seen


def test_epochs_and_repeated_clips_differ(tmp_path: Path) -> None:
    """Seeding must not freeze the augmentation."""
    seen = train(tmp_path / 'varied', 2, num_workers=2, randomness={'seed': 7}).seen
    noise = [value % 1 for epoch in seen.values() for value in epoch]
    assert len(set(noise)) == len(noise)
