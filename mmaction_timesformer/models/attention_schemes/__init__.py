"""The five attention schemes of the paper, one for streams, and lucidrains', one a file."""

from mmaction_timesformer.models.attention_schemes.axial import Axial
from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.attention_schemes.causal_divided_space_time import (
    CausalDividedSpaceTime,
)
from mmaction_timesformer.models.attention_schemes.divided_space_time import DividedSpaceTime
from mmaction_timesformer.models.attention_schemes.joint_space_time import JointSpaceTime
from mmaction_timesformer.models.attention_schemes.space_only import SpaceOnly
from mmaction_timesformer.models.attention_schemes.sparse_local_global import SparseLocalGlobal
from mmaction_timesformer.models.attention_schemes.whole_clip_class import WholeClipClass

PAPER_SCHEMES = (
    'space_only',
    'joint_space_time',
    'divided_space_time',
    'sparse_local_global',
    'axial',
)
"""Names of the five of the paper (Sec. 3)."""

__all__ = [
    'PAPER_SCHEMES',
    'AttentionScheme',
    'Axial',
    'CausalDividedSpaceTime',
    'DividedSpaceTime',
    'JointSpaceTime',
    'SpaceOnly',
    'SparseLocalGlobal',
    'WholeClipClass',
]
