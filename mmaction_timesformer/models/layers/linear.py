"""Linear layers that prepare their weights once, for inference."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear layer that in bfloat16 inference on a CPU keeps its weights in oneDNN's layout.

    Otherwise oneDNN brings them into it at every call, which for one clip takes a tenth of the
    time. The result is the same to the bit; the copy takes as much memory as the weights.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self._packed = PackedWeights()

    def train(self, mode: bool = True) -> Linear:
        """Switch mode; weights may have been written since, as an EMA hook does."""
        self._packed.clear()
        return super().train(mode)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (..., in_features) to (..., out_features)."""
        if (
            inputs.dtype == self.weight.dtype == torch.bfloat16
            and inputs.device.type == 'cpu'
            and not (torch.is_grad_enabled() or torch.compiler.is_compiling())
            and _can_pack()
        ):
            return self._packed(inputs, self)
        return super().forward(inputs)


class PackedWeights:
    """A linear layer's weights in oneDNN's layout, until they change.

    Not a module, and not copied with one: it holds nothing that belongs in a checkpoint.
    """

    def __init__(self) -> None:
        self.clear()

    def __reduce__(self) -> tuple:
        return type(self), ()

    def clear(self) -> None:
        """Forget them: weights written through ``.data`` leave no other trace."""
        self._state: tuple = ()
        self._weight = torch.empty(0)

    def __call__(self, inputs: Tensor, layer: nn.Linear) -> Tensor:
        """``layer(inputs)``."""
        state = state_of(layer.weight)
        if state != self._state:
            rows = inputs.numel() // inputs.shape[-1]
            self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), rows)
            self._state = state
        return torch.ops.mkldnn._linear_pointwise(
            inputs, self._weight, layer.bias, 'none', [], 'none'
        )


class FoldedLinear:
    """Two linear layers in a row as one, kept until one of their parameters changes.

    Not a module: it holds nothing that belongs in a checkpoint.
    """

    def __init__(self) -> None:
        self.clear()

    def __reduce__(self) -> tuple:
        return type(self), ()

    def clear(self) -> None:
        """Forget the product: weights written through ``.data`` leave no other trace."""
        self._state: tuple = ()
        self._layer: Linear | None = None

    def __call__(self, inputs: Tensor, first: nn.Linear, second: nn.Linear) -> Tensor:
        """``second(first(inputs))`` for inputs (..., D)."""
        state = state_of(first.weight, first.bias, second.weight, second.bias)
        if state != self._state or self._layer is None:
            self._layer, self._state = _fold(first, second), state
        return self._layer(inputs)


def _fold(first: nn.Linear, second: nn.Linear) -> Linear:
    # In double precision: the result differs from two layers by rounding alone.
    w1, b1, w2, b2 = (p.detach().double() for layer in (first, second) for p in layer.parameters())
    with torch.device('meta'):
        layer = Linear(first.in_features, second.out_features).requires_grad_(False)
    layer.weight = nn.Parameter((w2 @ w1).to(first.weight.dtype), requires_grad=False)
    layer.bias = nn.Parameter((w2 @ b1 + b2).to(first.weight.dtype), requires_grad=False)
    return layer


def state_of(*parameters: Tensor) -> tuple:
    """What changes when a parameter is replaced or written to."""
    # What was made in inference mode, as a folded layer's weights may be, has no version.
    versions = [None if p.is_inference() else p._version for p in parameters]
    return tuple((p.data_ptr(), v, p.dtype) for p, v in zip(parameters, versions, strict=True))


@lru_cache
def _can_pack() -> bool:
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
