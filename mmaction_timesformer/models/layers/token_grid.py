"""The layout of tokens: class tokens first, then every patch in (t h w) order.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w, D channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenGrid:
    """How (B, C + T h w, D) tokens divide into class tokens and a grid of patches.

    Args:
        num_frames: T.
        height: h, in patches.
        width: w, in patches.
        num_cls: C; 1, or T where every frame keeps a class token of its own (space only).
    """

    num_frames: int
    height: int
    width: int
    num_cls: int = 1

    @property
    def num_patches(self) -> int:
        """N = T h w."""
        return self.num_frames * self.height * self.width

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """View (B, C + N, D) as class tokens (B, C, D) and patches (B, T, h, w, D)."""
        cls, patches = tokens.tensor_split((self.num_cls,), dim=1)
        return cls, patches.unflatten(1, (self.num_frames, self.height, self.width))

    def join(self, cls: Tensor, patches: Tensor) -> Tensor:
        """The inverse of :meth:`split`."""
        return torch.cat((cls, patches.flatten(1, 3)), dim=1)
