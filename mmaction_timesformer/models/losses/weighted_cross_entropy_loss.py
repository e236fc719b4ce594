"""Cross entropy whose class weights follow from the training annotations.

Shape letters: B clips, K classes.
"""

from torch import Tensor
from torch.nn.functional import cross_entropy

from mmaction_timesformer.models.losses.class_balanced_loss import ClassBalancedLoss
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class WeightedCrossEntropyLoss(ClassBalancedLoss):
    """Cross entropy as a mean over clips, each clip counting with the weight of its class.

    ``loss_cls=dict(type='WeightedCrossEntropyLoss')`` is all that a config with
    ``TimeSformerClsHead`` needs. With other heads, ``num_classes`` is to be written out. The
    arguments are those of ``ClassBalancedLoss``.
    """

    def _forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            cls_score: Logits (B, K).
            label: Class indices (B,), or a distribution over the classes for each clip (B, K).

        Returns:
            A scalar: the weighted losses over the sum of the weights, as torch has it.
        """
        cls_score = cls_score.float()
        weight = self.class_weights().to(cls_score)
        label = self.soft_labels(label, cls_score)
        total = cross_entropy(cls_score, label, weight=weight, reduction='sum')
        # A batch of nothing but weight-0 classes is 0, not 0 / 0.
        return total / (label * weight).sum().clamp_min(1e-12)
