"""Batches of varying shape as a schedule (multigrid, arXiv 1912.00998).

Early steps see fewer frames and pixels, which cost less; the last ones see the model's own input.
The number of clips a batch stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmaction_timesformer.models import RatesRecognizer
from mmaction_timesformer.registry import HOOKS


@HOOKS.register_module()
class VaryingShapesHook(Hook):
    """Set the shape that a ``RatesRecognizer`` trains on.

    Args:
        shapes: (until, every, share), rising: until which share of all steps every how many frames
            and what share of height and width are seen. The last must be (1, 1, 1).

    Raises:
        ValueError: The shapes are not such a schedule.
    """

    def __init__(
        self,
        shapes: Sequence[Sequence[float]] = ((0.4, 2, 2 / 3), (0.7, 1, 2 / 3), (1, 1, 1)),
    ) -> None:
        ends = [until for until, _, _ in shapes]
        if not ends or ends != sorted(set(ends)) or tuple(shapes[-1]) != (1, 1, 1):
            raise ValueError(
                f'shapes={shapes} must be (until, every, share) with rising ends, '
                'the last (1, 1, 1)'
            )
        self.shapes = tuple(shapes)

    def before_train(self, runner: Runner) -> None:
        """Refuse a model without shapes before the first step."""
        if not isinstance(_bare(runner.model), RatesRecognizer):
            raise ValueError(
                f"VaryingShapesHook needs a model of type 'RatesRecognizer', not "
                f'{type(_bare(runner.model)).__name__}'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Choose the shape of this step."""
        share = runner.iter / runner.max_iters
        _, every, size = next(shape for shape in self.shapes if share < shape[0])
        _bare(runner.model).train_shape = (int(every), float(size))


def _bare(model: Any) -> Any:
    return model.module if is_model_wrapper(model) else model
