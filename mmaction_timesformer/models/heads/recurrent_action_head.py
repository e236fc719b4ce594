"""A recurrent network over frame features (MiniROAD, arXiv 2311.16110).

Trained on the last frame of long windows alone, so that the network learns to arrive in a state
like those that it has after hours, and then run over a whole stream without a reset.

Legend: B streams, n frames, D channels, H hidden channels, F horizons, K classes.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from typing_extensions import Unpack

from mmaction_timesformer.models.heads.online_action_head import (
    HeadState,
    OnlineActionHead,
    OnlineHeadOptions,
)
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class RecurrentActionHead(OnlineActionHead):
    """Linear, LayerNorm, ReLU, dropout, one GRU, and a linear classifier.

    Args:
        hidden_dims: H.
        dropout_ratio: Before the GRU.
        shared: As in `OnlineActionHead`.
    """

    def __init__(
        self,
        hidden_dims: int = 256,
        dropout_ratio: float = 0.2,
        **shared: Unpack[OnlineHeadOptions],
    ) -> None:
        super().__init__(**shared)
        self.hidden_dims = hidden_dims
        self.embed = nn.Sequential(
            nn.Linear(self.in_channels, hidden_dims),
            nn.LayerNorm(hidden_dims),
            nn.ReLU(),
            nn.Dropout(dropout_ratio),
        )
        self.gru = nn.GRU(hidden_dims, hidden_dims, batch_first=True)
        self.ahead = nn.Linear(hidden_dims, hidden_dims * len(self.horizons))
        self.classify = nn.Linear(hidden_dims, self.num_classes)

    def begin(self, batch_size: int = 1) -> HeadState:
        """A hidden state of zeros."""
        return {'hidden': self.classify.weight.new_zeros(1, batch_size, self.hidden_dims)}

    def step(self, features: Tensor, state: HeadState) -> tuple[Tensor, HeadState]:
        """Features (B, n, D) to logits (B, n, 1 + F, K), and the new state."""
        self.check_state(state, features)
        hidden, last = self.gru(self.embed(features), state['hidden'])
        return self._classify(hidden), {'hidden': last}

    def window_logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the last frame of windows (B, T, D), (B, 1, K), and ahead of it, (B, F, K)."""
        _, last = self.gru(self.embed(features))
        logits = self._classify(last[0])
        return logits[:, :1], logits[:, 1:]

    def _classify(self, hidden: Tensor) -> Tensor:
        """(..., H) to (..., 1 + F, K)."""
        ahead = rearrange(self.ahead(hidden).relu(), '... (f h) -> ... f h', f=len(self.horizons))
        return self.classify(torch.cat((hidden.unsqueeze(-2), ahead), dim=-2))
