"""Video backbones."""

from .frame_encoder import FrameEncoder
from .timesformer import TimeSformerBackbone

__all__ = ['FrameEncoder', 'TimeSformerBackbone']
