"""Video backbones."""

from .streaming import StreamingTimeSformer, StreamState
from .timesformer import TimeSformerBackbone

__all__ = ['StreamState', 'StreamingTimeSformer', 'TimeSformerBackbone']
