"""Training of a ``ClosedFormHead``: see every clip, then solve.

Legend: B clips in the batch, N rows, F features.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmaction_timesformer.engine.loops.choosing import STRENGTHS, Rows, choose
from mmaction_timesformer.models.heads import ClosedFormHead
from mmaction_timesformer.models.heads.ridge import ClassStatistics
from mmaction_timesformer.registry import LOOPS

STATISTICS = 'closed_form_statistics'
"""Key of a checkpoint."""


@LOOPS.register_module()
class ClosedFormTrainLoop(EpochBasedTrainLoop):
    """Fit the head of a frozen network in one pass over the clips; no gradients, no optimiser.

    Each epoch shows a view of every clip, the next one as the training pipeline augments it. After
    each the head is fitted to all that it has seen; the penalty and the temperature are chosen on
    recordings left out in turn. The statistics are in the checkpoint, so that training that starts
    from it (``load_from``) adds its clips to those.

    Args:
        runner: The runner.
        dataloader: Of the training clips.
        max_epochs: Views of every clip.
        strengths: Penalties to choose from.
        val_begin: As in mmengine.
        val_interval: As in mmengine.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int = 1,
        strengths: Sequence[float] = STRENGTHS,
        val_begin: int = 1,
        val_interval: int = 1,
    ) -> None:
        super().__init__(runner, dataloader, max_epochs, val_begin, val_interval)
        self.strengths = tuple(strengths)
        self._features: list[np.ndarray] = []
        self._labels: list[int] = []
        self._recordings: list[str | None] = []
        self.temperature: float | None = None
        # After the hook of temperatures, before checkpoints are saved.
        runner.register_hook(ClosedFormHook(), priority='LOW')

    @property
    def head(self) -> ClosedFormHead:
        """The head to fit.

        Raises:
            ValueError: The model has another, or several processes train it.
        """
        model = self.runner.model
        head = (model.module if is_model_wrapper(model) else model).cls_head
        if not isinstance(head, ClosedFormHead):
            raise ValueError(
                f'ClosedFormTrainLoop fits a ClosedFormHead, the model has {type(head).__name__}'
            )
        if get_world_size() > 1:
            raise ValueError('ClosedFormTrainLoop runs in one process')
        return head

    def run_epoch(self) -> None:
        """See every clip once, then fit."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.eval()
        start = len(self._labels)
        for index, batch in enumerate(self.dataloader):
            self.run_iter(index, batch)
        self._fit(start)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Take a batch's features."""
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        model, head = self.runner.model, self.head
        data = model.data_preprocessor(data_batch, training=True)
        maps = model.extract_feat(data['inputs'], stage='backbone')[0]
        features = head.features(maps[0] if isinstance(maps, tuple) else maps)
        self._features.append(features.float().cpu().numpy())
        samples = data['data_samples']
        repeats = len(features) // len(samples)
        for sample in samples:
            self._labels += [int(sample.gt_label)] * repeats
            self._recordings += [sample.metainfo.get('recording')] * repeats
        self.runner.call_hook('after_train_iter', batch_idx=idx, data_batch=data_batch, outputs={})
        self._iter += 1

    def _fit(self, start: int) -> None:
        """Add the rows of this epoch to the head and solve."""
        head = self.head
        features = np.concatenate(self._features)
        self._features = [features]
        labels = np.array(self._labels)
        head.update(features[start:], labels[start:].tolist())
        groups = np.unique([str(name) for name in self._recordings], return_inverse=True)[1]
        if groups.max() == 0:
            print_log(
                'the training list names no recordings, or one: the penalty stays at '
                f'{head.strength}, probabilities are not calibrated for new cameras',
                logger='current',
                level=logging.WARNING,
            )
            head.fit()
            return
        rows = Rows(features, labels, groups, np.ones(len(labels)))
        choice = choose(rows, head.num_classes, head.balanced, self.strengths)
        head.fit(choice.strength)
        head.temperature.set(choice.temperature)
        self.temperature = choice.temperature
        print_log(
            f'{len(labels)} rows of {groups.max() + 1} recordings; on recordings left out: '
            f'accuracy {choice.accuracy:.3f}, log loss {choice.log_loss:.3f}, at strength '
            f'{choice.strength:g}, temperature {choice.temperature:.3g}',
            logger='current',
        )


class ClosedFormHook(Hook):
    """Keep the statistics of a ``ClosedFormHead`` in the checkpoint, beside the weights.

    And its temperature, which was chosen on all recordings of training left out in turn, from being
    replaced by one of validation's few.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        """Validate with the temperature of training."""
        self._keep_temperature(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take it back."""
        self._keep_temperature(runner)

    @staticmethod
    def _keep_temperature(runner: Runner) -> None:
        temperature = runner.train_loop.temperature
        if temperature is not None:
            runner.train_loop.head.temperature.set(temperature)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Write them."""
        statistics = runner.train_loop.head.statistics
        checkpoint[STATISTICS] = [
            dict(
                weight=part.weight,
                factor=torch.from_numpy(part.factor).float(),
                total=torch.from_numpy(part.total),
            )
            for part in statistics.classes
        ]

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Read them.

        Raises:
            ValueError: They are of other features, or of more classes.
        """
        parts = checkpoint.get(STATISTICS)
        if parts is None:
            return
        statistics = runner.train_loop.head.statistics
        if len(parts) > statistics.num_classes or any(
            part['factor'].shape[1] != statistics.num_features for part in parts
        ):
            raise ValueError(
                f'the checkpoint has statistics of {len(parts)} classes and '
                f'{parts[0]["factor"].shape[1]} features, the head {statistics.num_classes} and '
                f'{statistics.num_features}'
            )
        for number, part in enumerate(parts):
            statistics.classes[number] = ClassStatistics(
                part['weight'], part['factor'].double().numpy(), part['total'].numpy()
            )
