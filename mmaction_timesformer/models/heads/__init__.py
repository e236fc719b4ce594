"""Classification heads."""

from .temperature import Temperature
from .timesformer_cls_head import TimeSformerClsHead

__all__ = ['Temperature', 'TimeSformerClsHead']
