"""The floor under a model's time: its own matrix products, alone.

The products with weights are counted, written into memory that is there already; attention's are
not, nor is anything between.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Product = tuple[int, int, int]
"""(m, k, n) of a product (m, k) by (k, n)."""

aten = torch.ops.aten


class _Products(TorchDispatchMode):
    """Notes every matrix product that a model makes, patch embedding included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Product] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        if function is aten.addmm.default:
            self.found.append((*args[1].shape, args[2].shape[1]))
        elif function is aten.baddbmm.default:  # several layers of the same input
            count, num_rows, num_inputs = args[1].shape
            self.found += [(num_rows, num_inputs, args[2].shape[2])] * count
        elif function is aten.mm.default:
            self.found.append((*args[0].shape, args[1].shape[1]))
        elif function is aten.convolution.default:
            weight = args[1]
            self.found.append((output.numel() // len(weight), prod(weight.shape[1:]), len(weight)))
        return output


def products_of(run: Callable[[], object]) -> list[Product]:
    """The matrix products with weights that a function makes.

    Args:
        run: The function; on the meta device it costs nothing.
    """
    with _Products() as products:
        run()
    return products.found


def with_backward(products: list[Product]) -> list[Product]:
    """The products of a training step, from those of the forward pass in their order.

    Weights get a gradient, and so do all inputs but the first, which is the clip.
    """
    of_weights = [(n, m, k) for m, k, n in products]
    of_inputs = [(m, n, k) for m, k, n in products[1:]]
    return products + of_weights + of_inputs


def multiply_alone(
    products: list[Product], dtype: torch.dtype, device: str | torch.device = 'cpu'
) -> Callable[[], object]:
    """A function that makes the products and nothing else.

    Each has a second factor of its own, as each layer has its weights; first factors and results
    of the same shape share their memory.
    """
    shared: dict[tuple[str, int, int], Tensor] = {}

    def random(role: str, rows: int, columns: int) -> Tensor:
        key = (role, rows, columns)
        if key not in shared:
            shared[key] = torch.randn(rows, columns, device=device).to(dtype)
        return shared[key]

    # The layout of a linear layer's weights: (n, k), read as its transpose.
    weights = [torch.randn(n, k, device=device).to(dtype).T for _, k, n in products]
    left = [random('left', m, k) for m, k, _ in products]
    right = [random('result', m, n) for m, _, n in products]

    @torch.inference_mode()
    def run() -> None:
        for a, b, result in zip(left, weights, right, strict=True):
            torch.mm(a, b, out=result)

    return run


def flops_of(products: list[Product]) -> int:
    """Floating point operations; a multiply-add is two."""
    return sum(2 * prod(product) for product in products)
