"""Axial attention (T+W+H): time, then width, then height (paper, Sec. 3, Fig. 2).

What the paper leaves open, and what is done here:

- *Which step is the image ViT's.* None is; height, the last, takes its place, and time and width
  get the extra, zero-initialised linear layer. With it the parameters equal the paper's Table 1.
- *The class token.* It joins every step: each line of patches gets a copy of it as a key and as
  a query, and the copies are averaged, as divided attention does in space. Every patch has
  T + w + h + 3 keys.
"""

from __future__ import annotations

from typing import Any

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import AttentionStep, Partition
from mmaction_timesformer.registry import ATTENTION_SCHEMES


@ATTENTION_SCHEMES.register_module('axial')
class Axial(AttentionScheme):
    """Three steps with their own weights, each along one axis of the clip."""

    def __init__(self, **step: Any) -> None:
        super().__init__()
        self.time = AttentionStep(Partition('b t h w d -> (b h w) t d'), extra_linear=True, **step)
        self.width = AttentionStep(Partition('b t h w d -> (b t h) w d'), extra_linear=True, **step)
        self.height = AttentionStep(Partition('b t h w d -> (b t w) h d'), **step)
