"""The layout of tokens: class tokens first, then every patch in (t h w) order.

Tokens have the shape (B, C + T h w, D). In memory the clips of a batch are the inner axis, as in
(C + T h w, B, D): class tokens and patches are then blocks without gaps, and so are the groups of
every attention step, for any batch. Tensors in another order work too, but are copied.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w, D channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmaction_timesformer.models.layers.rotary import RotaryPositions


@dataclass(frozen=True)
class TokenGrid:
    """How (B, C + T h w, D) tokens divide into class tokens and a grid of patches.

    Args:
        num_frames: T.
        height: h, in patches.
        width: w, in patches.
        num_cls: C; 1, or T where every frame keeps a class token of its own (space only).
        frame_mask: (B, T), true for frames that count, for schemes that mask frames themselves.
        positions: Where tokens stand, if queries and keys are turned by it.
        shift_frames: Number of frames that token shift takes the patches for; ``None`` for no
            shift.
    """

    num_frames: int
    height: int
    width: int
    num_cls: int = 1
    frame_mask: Tensor | None = field(default=None, compare=False)
    positions: RotaryPositions | None = field(default=None, compare=False)
    shift_frames: int | None = None

    @property
    def num_patches(self) -> int:
        """N = T h w."""
        return self.num_frames * self.height * self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, h, w)."""
        return self.num_frames, self.height, self.width

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """View (B, C + N, D) as class tokens (B, C, D) and patches (B, T, h, w, D)."""
        cls, patches = tokens.tensor_split((self.num_cls,), dim=1)
        return cls, patches.unflatten(1, self.shape)

    def split_rows(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """View (C + N, B, D) as class tokens (C, B, D) and patches (T, h, w, B, D)."""
        cls, patches = rows.tensor_split((self.num_cls,))
        return cls, patches.unflatten(0, self.shape)

    def join(self, cls: Tensor, patches: Tensor) -> Tensor:
        """The inverse of :meth:`split`, in the layout that attention reads without copying."""
        rows = (cls.transpose(0, 1), patches.movedim(0, 3).flatten(0, 2))
        return torch.cat(rows).transpose(0, 1)
