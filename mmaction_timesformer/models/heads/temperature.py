"""The number that logits are divided by so that probabilities mean what they say."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Temperature(nn.Module):
    """Temperature scaling (Guo et al. 2017, arXiv 1706.04599) as a part of a head.

    The value is fitted after training, so it is a buffer and no parameter. Weights that know of no
    temperature load as before: while the value is 1 it is not in the state dict, and where a state
    dict has none it becomes 1.
    """

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('value', torch.ones(()))
        self.register_state_dict_post_hook(_leave_out_one)
        self.register_load_state_dict_pre_hook(_take_one_for_none)

    def forward(self, logits: Tensor) -> Tensor:
        """Logits of any shape to calibrated logits."""
        return logits / self.value

    def set(self, value: float) -> None:
        """Set the temperature.

        Raises:
            ValueError: It is not a positive number.
        """
        if not 0 < value < float('inf'):
            raise ValueError(f'a temperature must be a positive number, got {value}')
        self.value.fill_(value)


def _leave_out_one(
    module: Temperature, state_dict: dict[str, Any], prefix: str, metadata: dict
) -> None:
    if module.value == 1:
        del state_dict[f'{prefix}value']


def _take_one_for_none(
    module: Temperature, state_dict: dict[str, Any], prefix: str, *others: object
) -> None:
    state_dict.setdefault(f'{prefix}value', torch.ones(()))
