"""Less certain answers for clips that are unlike those of training.

Legend: B clips, F features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

NAMES = ('doubt', 'mean', 'precision')


class NoveltyScaling(nn.Module):
    """Divide logits by ``sqrt(1 + doubt * d)``, d a clip's squared distance from training's mean.

    The distance is in standard deviations of the features, averaged over the features: 1 for a
    typical clip of training. So the scale of a Gaussian process' answer grows with its variance.
    While the doubt is 0 nothing is in the state dict, and where a state dict has none it becomes 0.

    Args:
        num_features: F.
    """

    doubt: Tensor
    mean: Tensor
    precision: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer('doubt', torch.zeros(()))
        self.register_buffer('mean', torch.zeros(num_features))
        self.register_buffer('precision', torch.zeros(num_features))
        self.register_state_dict_post_hook(_leave_out_nothing)
        self.register_load_state_dict_pre_hook(_take_nothing_for_none)

    def forward(self, logits: Tensor, features: Tensor) -> Tensor:
        """Logits (B, K) of clips with features (B, F) to logits."""
        distance = ((features - self.mean) * self.precision).float().square().mean(dim=1)
        return logits / torch.sqrt(1 + self.doubt * distance)[:, None].to(logits.dtype)

    def set(self, doubt: float, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Set how much distance counts, and from what it is measured; deviations may be infinite.

        Raises:
            ValueError: The doubt is negative.
        """
        if not 0 <= doubt < float('inf'):
            raise ValueError(f'doubt={doubt} must be at least 0')
        self.doubt.fill_(doubt)
        self.mean.copy_(torch.from_numpy(mean))
        self.precision.copy_(torch.from_numpy(1 / deviation))


def squared_distance(features: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Squared distances d (N,) of features (N, F)."""
    return np.square((features - mean) / deviation).mean(axis=1)


def _leave_out_nothing(
    module: NoveltyScaling, state_dict: dict[str, Any], prefix: str, metadata: dict
) -> None:
    if module.doubt == 0:
        for name in NAMES:
            del state_dict[prefix + name]


def _take_nothing_for_none(
    module: NoveltyScaling, state_dict: dict[str, Any], prefix: str, *others: object
) -> None:
    if f'{prefix}doubt' not in state_dict:
        for name in NAMES:
            state_dict[prefix + name] = torch.zeros_like(getattr(module, name))
