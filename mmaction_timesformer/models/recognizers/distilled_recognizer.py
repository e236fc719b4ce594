"""Training that keeps an older model's answers: learning without forgetting (arXiv 1606.09282).

Legend: B clips, V views, K classes of the older model.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmaction.models.recognizers import Recognizer3D
from torch import Tensor
from torch.nn import functional as F

from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class DistilledRecognizer3D(Recognizer3D):
    """A recognizer whose loss also asks what an older model of the same shape would answer.

    Its parameters are those of a ``Recognizer3D``; the older model is no part of its checkpoints.

    Args:
        teacher: Checkpoint of the older model. It may lack answers to the newest classes: those
            behind ``num_old_classes`` are not asked for.
        num_old_classes: K.
        distillation: Weight of the loss.
        softness: Temperature that both answers are divided by.
        options: Those of ``Recognizer3D``.
    """

    def __init__(
        self,
        teacher: str,
        num_old_classes: int,
        distillation: float = 1.0,
        softness: float = 2.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.teacher_file = teacher
        self.num_old_classes = num_old_classes
        self.distillation, self.softness = distillation, softness
        # In a list, so that it is no submodule.
        self._teacher: list[Recognizer3D] = []

    def loss(self, inputs: Tensor, data_samples: list, **options: Any) -> dict[str, Tensor]:
        """The head's losses, and ``loss_distillation``."""
        features, arguments = self.extract_feat(inputs, data_samples=data_samples)
        logits = self.cls_head(features, **arguments)
        losses = self.cls_head.loss_by_feat(logits, data_samples)
        with torch.no_grad():
            teacher = self._ask()
            old, arguments = teacher.extract_feat(inputs, data_samples=data_samples)
            old_logits = teacher.cls_head(old, **arguments)
        losses['loss_distillation'] = self.distillation * distillation_loss(
            logits[:, : self.num_old_classes], old_logits[:, : self.num_old_classes], self.softness
        )
        return losses

    def _ask(self) -> Recognizer3D:
        """The older model, read when it is first needed: those who only predict never do."""
        if not self._teacher:
            teacher = copy.deepcopy(self)
            teacher.load_state_dict(read_checkpoint(self.teacher_file)['state_dict'])
            self._teacher.append(teacher.eval().requires_grad_(False))
        return self._teacher[0]


def distillation_loss(logits: Tensor, old_logits: Tensor, softness: float) -> Tensor:
    """Kullback-Leibler divergence from the old answers (B * V, K), in units of their gradients."""
    new = F.log_softmax(logits / softness, dim=1)
    old = F.log_softmax(old_logits / softness, dim=1)
    return F.kl_div(new, old, reduction='batchmean', log_target=True) * softness**2
