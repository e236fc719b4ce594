"""Class-balanced focal loss (Cui et al., arXiv 1901.05555, on Lin et al., arXiv 1708.02002).

Shape letters: B clips, K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid

from mmaction_timesformer.models.losses.class_balanced_loss import ClassBalancedLoss
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class ClassBalancedFocalLoss(ClassBalancedLoss):
    """Focal loss, each clip weighted by the inverse effective number of its class.

    ``loss_cls=dict(type='ClassBalancedFocalLoss')`` is all that a config with
    ``TimeSformerClsHead`` needs: the head fills in ``num_classes`` and ``use_sigmoid``, the class
    counts come from the training annotations. mmaction2's ``CBFocalLoss`` equals
    ``use_sigmoid=True`` on hard labels, with counts to be written out.

    Args:
        num_classes: K.
        beta: Overlap among the clips of a class, in [0, 1). The paper takes (N - 1) / N for N
            distinguishable clips of a class.
        gamma: How much a clip that is already right counts less, at least 0; 0 is the plain loss.
        use_sigmoid: Whether the classes are K yes-or-no questions (several labels a clip) rather
            than one choice. The paper trains single labels that way too.
        class_counts: Clips of each class. ``None`` takes them from the training annotations.
        loss_weight: Factor on the loss.
    """

    def __init__(
        self,
        num_classes: int,
        beta: float = 0.999,
        gamma: float = 2.0,
        use_sigmoid: bool = False,
        class_counts: Sequence[int] | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, 'effective_number', beta, class_counts, loss_weight)
        if gamma < 0:
            raise ValueError(f'gamma is {gamma}, it must be at least 0')
        self.gamma = gamma
        self.use_sigmoid = use_sigmoid

    def _forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            cls_score: Logits (B, K).
            label: Class indices (B,), or rows of labels (B, K): several hot ones, or blended ones.

        Returns:
            A scalar: the mean over clips.
        """
        cls_score = cls_score.float()  # logsigmoid stays in half precision under autocast
        label = self.soft_labels(label, cls_score)
        weight = self.class_weights().to(cls_score)
        # The mean weight of a clip's labels; a clip without any has the mean weight of all, 1.
        num_labels = label.sum(dim=1)
        clip_weight = (label * weight).sum(dim=1) / num_labels.clamp_min(1e-12)
        clip_weight = torch.where(num_labels > 0, clip_weight, 1.0)
        if self.use_sigmoid:
            positive, negative = logsigmoid(cls_score), logsigmoid(-cls_score)
            focal = label * self._focal(positive, negative)
            focal = focal + (1 - label) * self._focal(negative, positive)
        else:
            log_prob = log_softmax(cls_score, dim=1)
            # log(1 - p) by way of p; clamped where p rounds to 1 and the loss is 0 anyway.
            focal = label * self._focal(log_prob, torch.log1p(-log_prob.exp().clamp_max(1 - 1e-6)))
        return (clip_weight * focal.sum(dim=1)).mean()

    def _focal(self, log_prob: Tensor, log_complement: Tensor) -> Tensor:
        """Return ``-(1 - p)^gamma log p`` from ``log p`` and ``log (1 - p)``."""
        return -torch.exp(self.gamma * log_complement) * log_prob
