"""Backbones, heads, losses, data preprocessors and what they are made of."""

from .attention_schemes import AttentionScheme
from .backbones import StreamingTimeSformer, StreamState, TimeSformerBackbone
from .data_preprocessors import MotionDataPreprocessor
from .heads import MemoryActionHead, RecurrentActionHead, TimeSformerClsHead
from .losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss
from .recognizers import OnlineRecognizer, OnlineState

__all__ = [
    'AttentionScheme',
    'ClassBalancedFocalLoss',
    'MemoryActionHead',
    'MotionDataPreprocessor',
    'OnlineRecognizer',
    'OnlineState',
    'RecurrentActionHead',
    'StreamState',
    'StreamingTimeSformer',
    'TimeSformerBackbone',
    'TimeSformerClsHead',
    'WeightedCrossEntropyLoss',
]
