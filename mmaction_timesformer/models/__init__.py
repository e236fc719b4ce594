"""Backbones, heads, losses, data preprocessors and what they are made of."""

from .attention_schemes import AttentionScheme
from .backbones import FrameEncoder, TimeSformerBackbone
from .data_preprocessors import MotionDataPreprocessor
from .heads import ClosedFormHead, TimeSformerClsHead
from .losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss
from .patch_embeds import FeatureMaps, HybridPatchEmbed

__all__ = [
    'AttentionScheme',
    'ClassBalancedFocalLoss',
    'ClosedFormHead',
    'FeatureMaps',
    'FrameEncoder',
    'HybridPatchEmbed',
    'MotionDataPreprocessor',
    'TimeSformerBackbone',
    'TimeSformerClsHead',
    'WeightedCrossEntropyLoss',
]
