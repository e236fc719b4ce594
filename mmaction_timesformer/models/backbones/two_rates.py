"""Two pathways at two rates: a TimeSformer of few frames, and a thin one of many.

SlowFast's idea (arXiv 1812.03982) on TimeSformer: the slow pathway has the channels, the fast one
the frames. Every few blocks their class tokens tell each other what they have seen, by linear
layers that start at zero, so that pathways with loaded weights start as the models they come from.

Legend: B clips, C channels, T frames, H/W pixels, D and F channels of a slow and a fast token.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmaction_timesformer.models.backbones.frames import times_of
from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone
from mmaction_timesformer.models.layers import TokenGrid
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class TwoRatesBackbone(BaseModule):
    """A slow and a fast TimeSformer whose class tokens exchange what they have seen.

    Args:
        slow: Arguments of the slow ``TimeSformerBackbone``, as many blocks as the fast one.
        fast: Arguments of the fast one, with fewer channels and larger patches.
        slow_every: The slow pathway sees every so many-th frame, the fast one all.
        exchange_every: Blocks between two exchanges.
        init_cfg: As in mmengine.

    Raises:
        ValueError: The pathways have different numbers of blocks or of class tokens.
    """

    def __init__(
        self,
        slow: dict[str, Any],
        fast: dict[str, Any],
        slow_every: int = 4,
        exchange_every: int = 2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.slow, self.fast = TimeSformerBackbone(**slow), TimeSformerBackbone(**fast)
        self.slow_every, self.exchange_every = slow_every, exchange_every
        pathways = (self.slow, self.fast)
        if len({len(pathway.blocks) for pathway in pathways}) > 1:
            raise ValueError('the slow and the fast pathway need the same number of blocks')
        if any(pathway.scheme.cls_per_frame for pathway in pathways):
            raise ValueError('pathways exchange one class token a clip, not one a frame')
        if min(slow_every, exchange_every) < 1:
            raise ValueError(f'slow_every={slow_every}, exchange_every={exchange_every}: below 1')
        widths = self.slow.embed_dims, self.fast.embed_dims
        places = range(exchange_every, len(self.slow.blocks) + 1, exchange_every)
        self.to_slow = nn.ModuleDict({str(n): nn.Linear(widths[1], widths[0]) for n in places})
        self.to_fast = nn.ModuleDict({str(n): nn.Linear(widths[0], widths[1]) for n in places})
        for parameter in (*self.to_slow.parameters(), *self.to_fast.parameters()):
            nn.init.zeros_(parameter)

    @property
    def embed_dims(self) -> int:
        """D + F, channels of a feature."""
        return self.slow.embed_dims + self.fast.embed_dims

    @property
    def patch_size(self) -> tuple[int, int]:
        """Patches that a clip's size must divide into, if one size contains the other."""
        return max(self.slow.patch_size, self.fast.patch_size)

    @property
    def frame_seconds(self) -> float:
        """Distance of the fast pathway's frames where no times are given."""
        return self.fast.frame_seconds

    def forward(self, clips: Tensor, seconds: Tensor | None = None) -> Tensor:
        """Features (B, D + F) of clips.

        Args:
            clips: (B, C, T, H, W), the frames of the fast pathway.
            seconds: Their times (B, T) or (T,).
        """
        times = times_of(clips, seconds, self.frame_seconds)
        times = times - times[:, :1]
        every = slice(None, None, self.slow_every)
        slow, slow_grid = self.slow._embed(clips[:, :, every], times[:, every])
        fast, fast_grid = self.fast._embed(clips, times)
        for number, blocks in enumerate(zip(self.slow.blocks, self.fast.blocks, strict=True), 1):
            slow = self.slow._run(blocks[0], slow, slow_grid)
            fast = self.fast._run(blocks[1], fast, fast_grid)
            if str(number) in self.to_slow:
                told = slow[:, :1], fast[:, :1]
                slow = _tell(slow, slow_grid, self.to_slow[str(number)](told[1]))
                fast = _tell(fast, fast_grid, self.to_fast[str(number)](told[0]))
        features = (self.slow._output(slow, slow_grid), self.fast._output(fast, fast_grid))
        return torch.cat(features, dim=1)


def _tell(tokens: Tensor, grid: TokenGrid, news: Tensor) -> Tensor:
    """Tokens (B, 1 + N, D) with (B, 1, D) added to the class token."""
    cls, patches = grid.split(tokens)
    return grid.join(cls + news, patches)
