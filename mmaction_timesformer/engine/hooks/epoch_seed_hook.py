"""Make a resumed run repeat what an uninterrupted one would have done."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import get_worker_info

from mmaction_timesformer.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed all random numbers of training anew at the start of every epoch.

    mmengine seeds once, when a process starts, so that crops, dropped paths and mixed clips after a
    resumption are those of the first epoch over again, and without a seed in the config even the
    order of the clips changes. With this hook they depend on the run's seed, the epoch, the rank
    and the data-loading worker alone: a run that is resumed at an epoch's end goes on as if it had
    never stopped, as long as the number of workers and processes stays.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        # In shared memory, because persistent workers outlive the epoch that started them.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def before_train(self, runner: Runner) -> None:
        """Let the sampler and the workers know the run's seed, before the workers start."""
        loader = runner.train_dataloader
        if hasattr(loader.sampler, 'seed') and not runner._randomness_cfg.get('diff_rank_seed'):
            # The loader was built before the checkpoint told the seed.
            loader.sampler.seed = runner.seed
        for transforms in _pipelines(loader.dataset):
            transforms.insert(0, _SeedWorker(self.epoch, runner.seed))

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed what loads the clips: this process, or the workers when they load their first."""
        self.epoch.fill_(runner.epoch)
        _seed_random_numbers(runner.seed, runner.epoch, get_rank(), 0)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        """Seed the model's noise; in between, starting workers may have drawn a number."""
        if batch_idx == 0:
            _seed_random_numbers(runner.seed, runner.epoch, get_rank(), 1)


class _SeedWorker:
    """First transform of a training pipeline: seeds its worker once an epoch."""

    def __init__(self, epoch: Tensor, seed: int) -> None:
        self.epoch = epoch
        self.seed = seed
        self.rank = get_rank()
        self.seeded_epoch: int | None = None

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        worker = get_worker_info()
        epoch = int(self.epoch)
        if worker is not None and epoch != self.seeded_epoch:
            _seed_random_numbers(self.seed, epoch, self.rank, worker.id + 2)
            self.seeded_epoch = epoch
        return results


def _seed_random_numbers(*entropy: int) -> None:
    """Seed Python's, numpy's and torch's global generators from several numbers."""
    for_python, for_numpy, for_torch = np.random.SeedSequence(entropy).generate_state(3).tolist()
    random.seed(for_python)
    np.random.seed(for_numpy)
    torch.manual_seed(for_torch)


def _pipelines(dataset: Any) -> Iterator[list[Any]]:
    """The lists of transforms of a dataset, or of those that mmengine's wrappers hold."""
    if hasattr(dataset, 'pipeline'):
        yield dataset.pipeline.transforms
    if hasattr(dataset, 'dataset'):
        yield from _pipelines(dataset.dataset)
    for inner in getattr(dataset, 'datasets', []):
        yield from _pipelines(inner)
