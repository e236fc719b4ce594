"""Losses for sets whose classes are not equally large."""

from mmaction_timesformer.models.losses.class_balanced_focal_loss import ClassBalancedFocalLoss
from mmaction_timesformer.models.losses.class_balanced_loss import ClassBalancedLoss
from mmaction_timesformer.models.losses.weighted_cross_entropy_loss import WeightedCrossEntropyLoss

__all__ = ['ClassBalancedFocalLoss', 'ClassBalancedLoss', 'WeightedCrossEntropyLoss']
