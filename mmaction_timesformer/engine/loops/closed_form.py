"""Training of a ``ClosedFormHead``: see every clip, then solve.

Legend: B clips in the batch, N rows, F features.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import chain
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
from mmaction_timesformer.models.backbones import PatchEncoder
from mmaction_timesformer.models.heads import ClosedFormHead
from mmaction_timesformer.registry import LOOPS
from video_clips.clip import clip_name

STATISTICS = 'closed_form_statistics'
"""Key of a checkpoint."""


@LOOPS.register_module()
class ClosedFormTrainLoop(EpochBasedTrainLoop):
    """Fit the head of a frozen network in one pass over the clips; no gradients, no optimiser.

    Each epoch shows a view of every clip, the next one as the training pipeline augments it. After
    each the head is fitted to all that it has seen; the penalty and the temperature are chosen on
    recordings left out in turn. The statistics are in the checkpoint, so that training that starts
    from it (``load_from``) adds its clips to those; a clip that is among them is replaced.

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
        self._batches: list[tuple[np.ndarray, list[int], list[str]]] = []
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
        """See every clip once, then fit; before the first, let the backbone learn from them."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.eval()
        if self._epoch == 0:
            self._teach_backbone()
        self._batches = []
        for index, batch in enumerate(self.dataloader):
            self.run_iter(index, batch)
        self._fit()
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _teach_backbone(self) -> None:
        """Give the clips to a `PatchEncoder`, unless the head knows features of its dictionary."""
        model = self.runner.model
        known = any(len(rows) for _, rows, _, _ in self.head.statistics.kept())
        if isinstance(model.backbone, PatchEncoder) and not known:
            batches = (model.data_preprocessor(batch, training=True) for batch in self.dataloader)
            model.backbone.learn(batch['inputs'].flatten(0, 1) for batch in batches)

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Take a batch's features."""
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        model, head = self.runner.model, self.head
        data = model.data_preprocessor(data_batch, training=True)
        maps = model.extract_feat(data['inputs'], stage='backbone')[0]
        features = head.features(maps[0] if isinstance(maps, tuple) else maps)
        samples = data['data_samples']
        repeats = len(features) // len(samples)
        labels = [int(sample.gt_label) for sample in samples for _ in range(repeats)]
        names = [_name(sample.metainfo) for sample in samples for _ in range(repeats)]
        head.recordings |= {
            _name(sample.metainfo): str(sample.metainfo['recording'])
            for sample in samples
            if sample.metainfo.get('recording') is not None
        }
        self._batches.append((features.float().cpu().numpy(), labels, names))
        self.runner.call_hook('after_train_iter', batch_idx=idx, data_batch=data_batch, outputs={})
        self._iter += 1

    def _fit(self) -> None:
        """Add the rows of this epoch to the head and solve."""
        head = self.head
        parts = list(zip(*self._batches, strict=True))
        features = np.concatenate(parts[0])
        labels, names = (list(chain.from_iterable(part)) for part in parts[1:])
        if self._epoch == 0:
            head.statistics.forget({name for name in names if name.partition('|')[0]})
        head.update(features, labels, names=names)
        rows = known_rows(head)
        num_recordings = len(np.unique(rows.groups))
        if num_recordings < 2:
            print_log(
                'the training list names no recordings, or one: the penalty stays at '
                f'{head.strength}, probabilities are not calibrated for new cameras',
                logger='current',
                level=logging.WARNING,
            )
            head.fit()
            return
        choice = choose(rows, head.num_classes, head.balanced, self.strengths, head.method)
        head.fit(choice.strength, choice.doubt)
        head.temperature.set(choice.temperature)
        self.temperature = choice.temperature
        print_log(
            f'{len(rows.labels)} rows of {num_recordings} recordings; on recordings left out: '
            f'accuracy {choice.accuracy:.3f}, log loss {choice.log_loss:.3f}, at strength '
            f'{choice.strength:g}, temperature {choice.temperature:.3g}, doubt {choice.doubt:g}',
            logger='current',
        )


def _name(facts: Mapping[str, Any]) -> str:
    """Name of a clip by the facts in its data sample.

    Where they do not tell its file, that of its recording, which does not name a clip alone.
    """
    file, recording = facts.get('filename'), facts.get('recording')
    if file:
        return clip_name(file, facts.get('start_seconds'), facts.get('end_seconds'))
    return '' if recording is None else f'|{recording}'


def known_rows(head: ClosedFormHead) -> Rows:
    """Rows that the head keeps and whose recordings are known."""
    found: list[tuple[np.ndarray, int, str, float]] = []
    for label, rows, weights, names in head.statistics.kept():
        found += [
            (row, label, head.recordings[name], weight)
            for row, weight, name in zip(rows, weights.tolist(), names, strict=True)
            if name in head.recordings and weight > 0
        ]
    if not found:
        none = np.zeros(0)
        return Rows(np.zeros((0, head.statistics.num_features)), none, none, none)
    features, labels, recordings, weights = zip(*found, strict=True)
    groups = np.unique(recordings, return_inverse=True)[1]
    return Rows(np.stack(features), np.array(labels), groups, np.array(weights))


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
        checkpoint[STATISTICS] = runner.train_loop.head.statistics_state()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Read them.

        Raises:
            ValueError: They are of other features, or of more classes.
        """
        if STATISTICS in checkpoint:
            runner.train_loop.head.load_statistics(checkpoint[STATISTICS])
