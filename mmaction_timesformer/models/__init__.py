"""Backbones, heads, losses, data preprocessors and what they are made of."""

from mmaction_timesformer.models.attention_schemes import AttentionScheme
from mmaction_timesformer.models.backbones import FrameEncoder, TimeSformerBackbone
from mmaction_timesformer.models.data_preprocessors import MotionDataPreprocessor
from mmaction_timesformer.models.heads import ClosedFormHead, TimeSformerClsHead
from mmaction_timesformer.models.losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss
from mmaction_timesformer.models.patch_embeds import FeatureMaps, HybridPatchEmbed

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
