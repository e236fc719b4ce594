"""Space attention (S): patches of one frame attend to each other (paper, Sec. 3).

Every frame keeps its own class token to the end, where the backbone averages them; order in time
is invisible to this scheme.
"""

from __future__ import annotations

from typing import Any

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import AttentionStep, Partition
from mmaction_timesformer.registry import ATTENTION_SCHEMES


@ATTENTION_SCHEMES.register_module('space_only')
class SpaceOnly(AttentionScheme):
    """One step, grouped by frame: h w + 1 keys a patch."""

    has_time_embed = False
    cls_per_frame = True

    def __init__(self, **step: Any) -> None:
        super().__init__()
        self.space = AttentionStep(Partition('b t h w d -> (b t) (h w) d'), **step)
