"""Inputs of linear layers that are cheaper to compute again than to keep.

A LayerNorm, an activation or a regrouping costs about a hundredth of the matrix product behind it,
and the backward pass wants its output, which is as large as its input. Kept instead is the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint

FEW_NUMBERS = 2**20
"""Size of inputs below which all is kept: 4 MiB in float32."""


def linear_of(cheap: Callable[..., Tensor], linear: Callable[..., Any], *inputs: Tensor) -> Any:
    """``linear(cheap(*inputs))``; for the backward pass ``inputs`` are kept, no more.

    No product is computed again. Of few numbers nothing is, which saves the demo's training a
    twentieth of its time. When a graph is compiled, the compiler decides what is kept.

    Args:
        cheap: Makes the input of ``linear``; without randomness.
        linear: A linear layer, or several with the same input.
        inputs: Of ``cheap``.
    """
    is_small = sum(tensor.numel() for tensor in inputs) < FEW_NUMBERS
    if is_small or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return linear(cheap(*inputs))
    if is_casting(inputs[0]):
        # Weights are cast for the products, and the casts would be kept.
        return checkpoint(
            lambda *kept: linear(cheap(*kept)),
            *inputs,
            use_reentrant=False,
            preserve_rng_state=False,
        )
    inputs = _Keep.apply(*inputs)
    if inputs[0].grad_fn is None:  # behind frozen layers, where nothing can be kept so
        return linear(cheap(*inputs))
    made = cheap(*inputs)
    made_again = _MadeAgain(cheap, inputs[0], made)
    with saved_tensors_hooks(made_again.pack, made_again.unpack):
        return linear(made)


def is_casting(tensor: Tensor) -> bool:
    """Whether autocast is on for a tensor's device."""
    device = tensor.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


class _Keep(Function):
    """Keeps tensors for the backward pass, if checkpointing of a whole block does not."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*tensors)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients


class _MadeAgain:
    """A tensor that the backward pass makes again, once for all products that want it.

    Args:
        cheap: Makes it.
        kept: Of :class:`_Keep`, which has the inputs.
        made: The tensor.
    """

    def __init__(self, cheap: Callable[..., Tensor], kept: Tensor, made: Tensor) -> None:
        self._cheap = cheap
        self._inputs: Any = kept.grad_fn
        # Not its address, which tensors without content do not have.
        self._storage = StorageWeakRef(made.untyped_storage())
        self._again: Tensor | None = None
        self._num_uses = self._num_left = 0

    def pack(self, saved: Tensor) -> Any:
        """Forget a view of the tensor; keep anything else."""
        if StorageWeakRef(saved.untyped_storage()) != self._storage:
            return saved
        self._num_uses += 1
        return saved.size(), saved.stride(), saved.storage_offset()

    def unpack(self, packed: Any) -> Tensor:
        """The view again; the tensor is made at the first use and dropped at the last."""
        if isinstance(packed, Tensor):
            return packed
        if self._again is None:
            self._again = self._cheap(*self._inputs.saved_tensors)
            self._num_left = self._num_uses
        view = self._again.as_strided(*packed)
        self._num_left -= 1
        if not self._num_left:
            self._again = None
        return view
