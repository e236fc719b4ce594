"""The five attention schemes of the paper and a causal one for streams, one a file."""

from .axial import Axial
from .base import AttentionScheme, StepOptions
from .causal_divided_space_time import CausalDividedSpaceTime
from .divided_space_time import DividedSpaceTime
from .joint_space_time import JointSpaceTime
from .space_only import SpaceOnly
from .sparse_local_global import SparseLocalGlobal

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
