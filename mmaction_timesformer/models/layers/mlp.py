"""The residual MLP that closes every block (paper, Sec. 3, Eq. 9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmaction_timesformer.models.layers.processor import Linear, is_free
from mmaction_timesformer.models.layers.recompute import linear_of
from mmaction_timesformer.models.layers.token_grid import TokenGrid
from mmaction_timesformer.models.layers.token_shift import shift_if_wanted


class MLP(nn.Module):
    """LayerNorm, two linear layers around an activation, and the residual connection.

    Args:
        embed_dims: D.
        activation: ``gelu``, or ``geglu`` (a GELU-gated linear unit, arXiv 2002.05202).
        drop_path_rate: Chance to leave the branch out for a clip, in training.
        ratio: Hidden channels per channel.
        norm_eps: Epsilon of the LayerNorm.

    Raises:
        ValueError: Unknown activation.
    """

    ACTIVATIONS = ('gelu', 'geglu')

    def __init__(
        self,
        embed_dims: int,
        activation: str = 'gelu',
        drop_path_rate: float = 0.0,
        ratio: int = 4,
        norm_eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if activation not in self.ACTIVATIONS:
            raise ValueError(f'mlp={activation!r} is unknown; choose from {self.ACTIVATIONS}')
        hidden_dims = ratio * embed_dims
        self.gated = activation == 'geglu'
        self.norm = nn.LayerNorm(embed_dims, eps=norm_eps)
        self.fc1 = Linear(embed_dims, hidden_dims * (2 if self.gated else 1))
        self.fc2 = Linear(hidden_dims, embed_dims)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + N, D) to tokens of the same shape."""
        rows = tokens.transpose(0, 1)

        def normalize(rows: Tensor) -> Tensor:
            return shift_if_wanted(self.norm(rows).transpose(0, 1), grid).transpose(0, 1)

        hidden = linear_of(normalize, self.fc1, rows)
        if not is_free():
            update = linear_of(self._activate, self.fc2, hidden).transpose(0, 1)
            return tokens + self.drop_path(update)
        # Nobody else holds the hidden channels, the largest tensor of a block, nor the update.
        hidden = self._activate(hidden) if self.gated else torch.ops.aten.gelu_(hidden)
        update = self.drop_path(self.fc2(hidden).transpose(0, 1))
        return update.add_(tokens) if update.dtype == tokens.dtype else tokens + update

    def _activate(self, hidden: Tensor) -> Tensor:
        if not self.gated:
            return F.gelu(hidden)
        hidden, gate = hidden.chunk(2, dim=-1)
        return hidden * F.gelu(gate)
