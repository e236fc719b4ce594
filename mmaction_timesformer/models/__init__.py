"""Backbones, heads, losses and what they are made of."""

from .attention_schemes import AttentionScheme
from .backbones import TimeSformerBackbone
from .heads import TimeSformerClsHead
from .losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss

__all__ = [
    'AttentionScheme',
    'ClassBalancedFocalLoss',
    'TimeSformerBackbone',
    'TimeSformerClsHead',
    'WeightedCrossEntropyLoss',
]
