"""The five attention schemes of the paper and a causal one for streams, one a file."""

from mmaction_timesformer.models.attention_schemes.axial import Axial
from mmaction_timesformer.models.attention_schemes.base import AttentionScheme, StepOptions
from mmaction_timesformer.models.attention_schemes.causal_divided_space_time import (
    CausalDividedSpaceTime,
)
from mmaction_timesformer.models.attention_schemes.divided_space_time import DividedSpaceTime
from mmaction_timesformer.models.attention_schemes.joint_space_time import JointSpaceTime
from mmaction_timesformer.models.attention_schemes.space_only import SpaceOnly
from mmaction_timesformer.models.attention_schemes.sparse_local_global import SparseLocalGlobal

__all__ = [
    'AttentionScheme',
    'Axial',
    'CausalDividedSpaceTime',
    'DividedSpaceTime',
    'JointSpaceTime',
    'SpaceOnly',
    'SparseLocalGlobal',
    'StepOptions',
]
