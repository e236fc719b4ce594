"""Backbones, heads, losses, data preprocessors and their parts."""

from mmaction_timesformer.models.attention_schemes import AttentionScheme
from mmaction_timesformer.models.backbones import (
    FrameEncoder,
    StreamingTimeSformer,
    StreamState,
    TimeSformerBackbone,
    TwoRatesBackbone,
)
from mmaction_timesformer.models.data_preprocessors import MotionDataPreprocessor
from mmaction_timesformer.models.heads import (
    ClosedFormHead,
    MemoryActionHead,
    RecurrentActionHead,
    TimeSformerClsHead,
)
from mmaction_timesformer.models.losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss
from mmaction_timesformer.models.patch_embeds import FeatureMaps, HybridPatchEmbed
from mmaction_timesformer.models.pretraining import FeaturePrediction
from mmaction_timesformer.models.recognizers import (
    OnlineRecognizer,
    OnlineState,
    RatesRecognizer,
)

__all__ = [
    'AttentionScheme',
    'ClassBalancedFocalLoss',
    'ClosedFormHead',
    'FeatureMaps',
    'FeaturePrediction',
    'FrameEncoder',
    'HybridPatchEmbed',
    'MemoryActionHead',
    'MotionDataPreprocessor',
    'OnlineRecognizer',
    'OnlineState',
    'RatesRecognizer',
    'RecurrentActionHead',
    'StreamState',
    'StreamingTimeSformer',
    'TimeSformerBackbone',
    'TimeSformerClsHead',
    'TwoRatesBackbone',
    'WeightedCrossEntropyLoss',
]
