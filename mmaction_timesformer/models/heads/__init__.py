"""Classification heads."""

from mmaction_timesformer.models.heads.closed_form_head import ClosedFormHead

from .temperature import Temperature
from .timesformer_cls_head import TimeSformerClsHead

__all__ = ['ClosedFormHead', 'Temperature', 'TimeSformerClsHead']
