"""Losses for sets whose classes are not equally large."""

from .class_balanced_focal_loss import ClassBalancedFocalLoss
from .class_balanced_loss import ClassBalancedLoss
from .weighted_cross_entropy_loss import WeightedCrossEntropyLoss

__all__ = ['ClassBalancedFocalLoss', 'ClassBalancedLoss', 'WeightedCrossEntropyLoss']
