"""Video backbones."""

from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone

__all__ = ['TimeSformerBackbone']
