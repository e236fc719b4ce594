"""Tell the losses that weigh classes how many training clips each class has."""

from collections import Counter
from collections.abc import Iterable

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction_timesformer.models.losses import ClassBalancedLoss
from mmaction_timesformer.registry import HOOKS


@HOOKS.register_module()
class ClassCountsHook(Hook):
    """Count the labels of the training dataset and hand the counts to the losses that want them.

    It runs when training starts, after a checkpoint was loaded, so that counts of another dataset
    in that checkpoint do not survive. A model without such a loss costs nothing. The counts are of
    what an epoch shows: where a ``ClassBalancedDataset`` repeats clips, so often do they count.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        """Set the counts.

        Raises:
            ValueError: If a label lies outside the classes, or the dataset cannot be counted.
        """
        losses = [
            module
            for module in runner.model.modules()
            if isinstance(module, ClassBalancedLoss) and module.wants_class_counts
        ]
        if not losses:
            return
        counted = count_labels(runner.train_dataloader.dataset)
        for loss in losses:
            outside = sorted(label for label in counted if not 0 <= label < loss.num_classes)
            if outside:
                raise ValueError(
                    f'the training annotations hold labels {outside}, '
                    f'the model has {loss.num_classes} classes (0 to {loss.num_classes - 1})'
                )
            class_counts = [counted[label] for label in range(loss.num_classes)]
            loss.set_class_counts(class_counts)
            runner.logger.info(f'{type(loss).__name__}: training clips per class {class_counts}')
            absent = [label for label, count in enumerate(class_counts) if count == 0]
            if absent:
                runner.logger.warning(f'classes {absent} have no training clips and weigh nothing')


def count_labels(dataset: object) -> Counter[int]:
    """Count how often each label occurs in a dataset.

    Args:
        dataset: Any dataset of mmaction2 or this project, or mmengine's ``RepeatDataset``,
            ``ConcatDataset`` or ``ClassBalancedDataset`` around one.

    Returns:
        Number of clips by label; a clip with several labels counts for each.

    Raises:
        ValueError: If the dataset does not give its annotations (``get_data_info``).
    """
    if not hasattr(dataset, 'get_data_info') or not hasattr(dataset, '__len__'):
        raise ValueError(
            f'{type(dataset).__name__} cannot tell its labels (no get_data_info); '
            'write class_counts=[...] into the loss'
        )
    counted: Counter[int] = Counter()
    for index in range(len(dataset)):
        counted.update(_class_indices(dataset.get_data_info(index)['label']))
    return counted


def _class_indices(label: int | Iterable[int] | torch.Tensor) -> list[int]:
    """Return a clip's class indices: one, several, or the hot entries of a label vector."""
    if isinstance(label, torch.Tensor) and label.is_floating_point():
        return label.nonzero().flatten().tolist()
    if isinstance(label, Iterable):
        return [int(index) for index in label]
    return [int(label)]
