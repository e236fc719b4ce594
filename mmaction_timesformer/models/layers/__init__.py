"""The parts that every scheme shares."""

from mmaction_timesformer.models.layers.attention import (
    AttentionStep,
    StepOptions,
    fold_extra_linear,
)
from mmaction_timesformer.models.layers.grouping import Grouping, Partition
from mmaction_timesformer.models.layers.hooks import is_watched
from mmaction_timesformer.models.layers.mlp import MLP
from mmaction_timesformer.models.layers.patch_embed import PatchEmbed
from mmaction_timesformer.models.layers.position import (
    resize_joint_embed,
    resize_pos_embed,
    resize_time_embed,
)
from mmaction_timesformer.models.layers.processor import AttentionKernel, attend
from mmaction_timesformer.models.layers.regions import Region, Regions
from mmaction_timesformer.models.layers.rotary import ROTATIONS, RotaryPositions
from mmaction_timesformer.models.layers.token_grid import TokenGrid

__all__ = [
    'MLP',
    'ROTATIONS',
    'AttentionKernel',
    'AttentionStep',
    'Grouping',
    'Partition',
    'PatchEmbed',
    'Region',
    'Regions',
    'RotaryPositions',
    'StepOptions',
    'TokenGrid',
    'attend',
    'fold_extra_linear',
    'is_watched',
    'resize_joint_embed',
    'resize_pos_embed',
    'resize_time_embed',
]
