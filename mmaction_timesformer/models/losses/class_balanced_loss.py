"""Base of the losses that weigh classes: class counts and the weights that follow from them.

The counts live in a buffer, so that they are saved in the checkpoint and follow the model to its
device. They come from the config, or from the training annotations: ``ClassCountsHook`` reads them
when training starts and calls :meth:`ClassBalancedLoss.set_class_counts`.

Shape letters: B clips, K classes.
"""

from collections.abc import Sequence

import torch
from mmaction.models.losses import BaseWeightedLoss
from torch import Tensor

from data_analysis.measuring.class_weights import inverse_effective_numbers

WEIGHTINGS = ('balanced', 'effective_number')


def balanced_weights(class_counts: Tensor) -> Tensor:
    """Weigh each class by ``N / (K n_k)``, as scikit-learn's ``class_weight='balanced'`` does.

    Args:
        class_counts: Clips of each class, (K,). K is the number of classes that have any.

    Returns:
        Weights (K,), 0 for a class without clips. Their mean over all clips is 1.
    """
    present = class_counts > 0
    weights = class_counts.sum() / (present.sum() * class_counts)
    return torch.where(present, weights, 0.0)


def effective_number_weights(class_counts: Tensor, beta: float) -> Tensor:
    """Weigh each class by the inverse effective number of its clips.

    Args:
        class_counts: Clips of each class, (K,).
        beta: The overlap, see `inverse_effective_numbers`.

    Returns:
        Weights (K,), 0 for a class without clips. They sum to the number of classes that have any.
    """
    present = class_counts > 0
    weights = inverse_effective_numbers(class_counts.double(), beta)
    weights = torch.where(present, weights, 0.0)
    return (weights * present.sum() / weights.sum()).to(class_counts.dtype)


class ClassBalancedLoss(BaseWeightedLoss):
    """A loss that weighs classes by how many training clips they have.

    Args:
        num_classes: K. ``TimeSformerClsHead`` fills it in.
        class_weight: ``'balanced'`` (inverse frequency), ``'effective_number'``, or K weights.
        beta: Overlap among the clips of a class, for ``'effective_number'`` alone.
        class_counts: Clips of each class. ``None`` takes them from the training annotations.
        loss_weight: Factor on the loss.

    Raises:
        ValueError: If an argument is out of its range or does not have K entries.
    """

    class_counts: Tensor

    def __init__(
        self,
        num_classes: int,
        class_weight: str | Sequence[float] = 'balanced',
        beta: float = 0.999,
        class_counts: Sequence[int] | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight=loss_weight)
        if not 0 <= beta < 1:
            raise ValueError(f'beta is {beta}, it must be at least 0 and below 1')
        if isinstance(class_weight, str) and class_weight not in WEIGHTINGS:
            raise ValueError(
                f'class_weight is {class_weight!r}, it must be one of {list(WEIGHTINGS)} or '
                f'{num_classes} numbers'
            )
        self.num_classes = num_classes
        self.beta = beta
        self.class_weight = class_weight
        if not isinstance(class_weight, str):
            self.class_weight = [float(w) for w in class_weight]
            _require_length('class_weight', self.class_weight, num_classes)
        # Zeros say "not known yet". Always K entries, so that the state dict and EMA copies fit.
        self.register_buffer('class_counts', torch.zeros(num_classes))
        self.fixed_class_counts = class_counts is not None
        if class_counts is not None:
            self.set_class_counts(class_counts)

    @property
    def wants_class_counts(self) -> bool:
        """Whether the counts are to come from the training annotations."""
        return isinstance(self.class_weight, str) and not self.fixed_class_counts

    def set_class_counts(self, class_counts: Sequence[int]) -> None:
        """Take the number of training clips of each class.

        Args:
            class_counts: K numbers, at least one of them above 0.

        Raises:
            ValueError: If there are not K of them, one is negative, or all are 0.
        """
        _require_length('class_counts', class_counts, self.num_classes)
        counts = torch.as_tensor(class_counts, dtype=self.class_counts.dtype)
        if (counts < 0).any() or not counts.any():
            raise ValueError(
                f'class_counts is {list(class_counts)}: none may be negative, one must be above 0'
            )
        self.class_counts.copy_(counts)

    def class_weights(self) -> Tensor:
        """Return the weight of each class, (K,).

        Raises:
            RuntimeError: If the weights depend on class counts that nobody has given.
        """
        if not isinstance(self.class_weight, str):
            return self.class_counts.new_tensor(self.class_weight)
        if not self.class_counts.any():
            raise RuntimeError(
                f'{type(self).__name__} does not know how many training clips each class has. '
                "Add `class_counts=dict(type='ClassCountsHook')` to the config's `default_hooks` "
                '(configs/_base_/default_runtime.py has it), or give the loss '
                '`class_counts=[...]`, one number a class.'
            )
        if self.class_weight == 'balanced':
            return balanced_weights(self.class_counts)
        return effective_number_weights(self.class_counts, self.beta)

    def soft_labels(self, label: Tensor, cls_score: Tensor) -> Tensor:
        """Turn class indices (B,) into one-hot rows (B, K); leave rows of labels as they are."""
        if label.dim() == 1:
            label = torch.nn.functional.one_hot(label, self.num_classes)
        return label.to(cls_score.dtype)


def _require_length(name: str, values: Sequence[float], num_classes: int) -> None:
    if len(values) != num_classes:
        raise ValueError(f'{name} has {len(values)} entries for {num_classes} classes')
