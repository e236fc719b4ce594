"""Classification heads: of clips, and of the frames of a stream."""

from mmaction_timesformer.models.heads.closed_form_head import ClosedFormHead
from mmaction_timesformer.models.heads.future_frame_decoder import FutureFrameDecoder
from mmaction_timesformer.models.heads.memory_action_head import MemoryActionHead
from mmaction_timesformer.models.heads.online_action_head import FrameTargets, OnlineActionHead
from mmaction_timesformer.models.heads.recurrent_action_head import RecurrentActionHead
from mmaction_timesformer.models.heads.temperature import Temperature
from mmaction_timesformer.models.heads.timesformer_cls_head import TimeSformerClsHead

__all__ = [
    'ClosedFormHead',
    'FrameTargets',
    'FutureFrameDecoder',
    'MemoryActionHead',
    'OnlineActionHead',
    'RecurrentActionHead',
    'Temperature',
    'TimeSformerClsHead',
]
