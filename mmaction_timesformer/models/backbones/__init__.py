"""Video backbones."""

from mmaction_timesformer.models.backbones.frame_encoder import FrameEncoder
from mmaction_timesformer.models.backbones.patch_encoder import PatchEncoder
from mmaction_timesformer.models.backbones.streaming import StreamingTimeSformer, StreamState
from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone
from mmaction_timesformer.models.backbones.two_rates import TwoRatesBackbone

__all__ = [
    'FrameEncoder',
    'PatchEncoder',
    'StreamState',
    'StreamingTimeSformer',
    'TimeSformerBackbone',
    'TwoRatesBackbone',
]
