"""Classification heads."""

from mmaction_timesformer.models.heads.closed_form_head import ClosedFormHead
from mmaction_timesformer.models.heads.temperature import Temperature
from mmaction_timesformer.models.heads.timesformer_cls_head import TimeSformerClsHead

__all__ = ['ClosedFormHead', 'Temperature', 'TimeSformerClsHead']
