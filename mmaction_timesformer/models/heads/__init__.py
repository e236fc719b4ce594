"""Classification heads."""

from .timesformer_cls_head import TimeSformerClsHead

__all__ = ['TimeSformerClsHead']
