"""Video backbones."""

from .timesformer import TimeSformerBackbone

__all__ = ['TimeSformerBackbone']
