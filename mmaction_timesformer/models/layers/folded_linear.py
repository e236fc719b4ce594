"""Two linear layers in a row as one matrix product, for evaluation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FoldedLinear:
    """The product of two linear layers, kept until one of their parameters changes.

    Not a module: it holds nothing that belongs in a checkpoint.
    """

    def __init__(self) -> None:
        self._state: tuple = ()
        self._weight = self._bias = torch.empty(0)

    def clear(self) -> None:
        """Forget the product: weights written through ``.data`` leave no other trace."""
        self._state = ()

    def __call__(self, inputs: Tensor, first: nn.Linear, second: nn.Linear) -> Tensor:
        """``second(first(inputs))`` for inputs (..., D)."""
        parameters = (first.weight, first.bias, second.weight, second.bias)
        state = tuple((p.data_ptr(), p._version, p.dtype) for p in parameters)
        if state != self._state:
            # Folded in double precision: the result differs from two layers by rounding alone.
            w1, b1, w2, b2 = (p.detach().double() for p in parameters)
            self._weight = (w2 @ w1).to(first.weight.dtype)
            self._bias = (w2 @ b1 + b2).to(first.weight.dtype)
            self._state = state
        return F.linear(inputs, self._weight, self._bias)
