"""Joint space-time attention (ST): every token attends to every token (paper, Sec. 3, Eq. 5)."""

from __future__ import annotations

from typing import Any

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import AttentionStep, Partition
from mmaction_timesformer.registry import ATTENTION_SCHEMES


@ATTENTION_SCHEMES.register_module('joint_space_time')
class JointSpaceTime(AttentionScheme):
    """One step, one group: T h w + 1 keys a patch."""

    def __init__(self, **step: Any) -> None:
        super().__init__()
        self.joint = AttentionStep(Partition('b t h w d -> b (t h w) d'), **step)
