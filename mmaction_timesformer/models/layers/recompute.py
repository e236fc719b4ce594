"""Inputs of linear layers that are cheaper to compute again than to keep.

A LayerNorm, an activation or a regrouping costs about a hundredth of the matrix product behind it,
and the backward pass wants its output, which is as large as its input. Kept instead is the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

FEW_NUMBERS = 2**20
"""Size of inputs below which all is kept: 4 MiB in float32."""


def linear_of(cheap: Callable[..., Tensor], linear: Callable[..., Any], *inputs: Tensor) -> Any:
    """``linear(cheap(*inputs))``; for the backward pass ``inputs`` are kept, no more.

    The product itself is not computed again: checkpointing stops where its input is there. Of few
    numbers nothing is, since a checkpoint takes half a millisecond of Python.

    Args:
        cheap: Makes the input of ``linear``; without randomness.
        linear: A linear layer, or several with the same input.
        inputs: Of ``cheap``.
    """
    if not torch.is_grad_enabled() or sum(x.numel() for x in inputs) < FEW_NUMBERS:
        return linear(cheap(*inputs))
    return checkpoint(
        lambda *kept: linear(cheap(*kept)), *inputs, use_reentrant=False, preserve_rng_state=False
    )
