"""Divided space-time attention (T+S): time, then space (paper, Sec. 3, Eq. 11)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mmaction_timesformer.models.attention_schemes.base import AttentionScheme
from mmaction_timesformer.models.layers import AttentionStep, Partition, TokenGrid
from mmaction_timesformer.registry import ATTENTION_SCHEMES

ORDERS = ('time_first', 'space_first', 'parallel')


@ATTENTION_SCHEMES.register_module('divided_space_time')
class DividedSpaceTime(AttentionScheme):
    """Time among the patches at one place, space among those of one frame: h w + T + 1 keys.

    In the space step every frame gets a copy of the class token, and the copies are averaged.

    Args:
        order: ``time_first``; ``space_first`` and ``parallel`` (both steps read the same input)
            cost 0.5 and 0.4 points in the paper (Sec. 4.7).
        cls_in_time: Whether the class token joins the time step too, as Eq. 11 has it: a key of
            every patch, its own copies averaged as in space. Published weights leave it out.
        step: Options of every step.

    Raises:
        ValueError: Unknown order.
    """

    def __init__(self, order: str = 'time_first', cls_in_time: bool = False, **step: Any) -> None:
        super().__init__()
        if order not in ORDERS:
            raise ValueError(f'order={order!r} is unknown; choose from {ORDERS}')
        self.order = order
        self.time = AttentionStep(
            Partition('b t h w d -> (b h w) t d', with_cls=cls_in_time), extra_linear=True, **step
        )
        self.space = AttentionStep(Partition('b t h w d -> (b t) (h w) d'), **step)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, 1 + T h w, D) to tokens of the same shape."""
        if self.order == 'parallel':
            return tokens + self.time(tokens, grid) + self.space(tokens, grid)
        steps = (self.time, self.space)
        for step in steps if self.order == 'time_first' else reversed(steps):
            tokens = step.add_to(tokens, grid)
        return tokens
