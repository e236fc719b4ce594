"""The parts that every scheme shares."""

from .attention import AttentionStep
from .grouping import Grouping, Partition, Region, Regions
from .kernel import AttentionKernel
from .mlp import MLP
from .patch_embed import PatchEmbed
from .position import resize_pos_embed, resize_time_embed
from .token_grid import TokenGrid

__all__ = [
    'MLP',
    'AttentionKernel',
    'AttentionStep',
    'Grouping',
    'Partition',
    'PatchEmbed',
    'Region',
    'Regions',
    'TokenGrid',
    'resize_pos_embed',
    'resize_time_embed',
]
