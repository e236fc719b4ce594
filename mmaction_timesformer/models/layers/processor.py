"""Speed of the layers on the processor at hand; nothing here changes what they compute.

Which way is fast differs between processors and dtypes, so the ways are timed here, once a
process, and the fastest is taken. That concerns half precision in inference on a CPU, where
processors differ by a factor of ten; everything else goes to torch as it is.

- A linear layer in bfloat16: torch's own, with weights kept in oneDNN's layout, or in float32.
- Attention in bfloat16: torch's fused kernel, or plain products where groups are small. In
  float32 training groups of few members, as a patch's over time, are always products: this is
  not timed, so that the same training gives the same weights twice.
- Two linear layers in a row: one, in evaluation.

What is prepared from weights is no part of a checkpoint, and follows the weights.

Legend: L, R groups outside and inside of their members, n/m queries and keys of a group, d
channels of a head; "heads" stands for R times the heads, which are alike to attention.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaction_timesformer.models.layers.recompute import is_casting

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries (L, heads, n, d) and keys, values (L, heads, m, d) to outputs (L, heads, n, d)."""

FEW_MEMBERS = 24
"""Members of a group up to which torch's fused kernel loses more time than it saves."""
SMALL_GROUP = 2**19
"""Scores of one product up to which plain products are tried: they have to stay in the cache."""
GAIN = 0.8
"""The share of the usual way's time that another way must stay below to be taken."""
_CUDA_GRID = 65535


def is_free() -> bool:
    """Whether results may be written in place: no gradient is wanted, and no graph is traced."""
    return not (torch.is_grad_enabled() or torch.compiler.is_compiling())


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention, (L, heads, n, d), by torch's fused kernel or by what is faster here."""
    if q.is_cuda and q.shape[1] > _CUDA_GRID:
        parts = zip(*(x.split(_CUDA_GRID, dim=1) for x in (q, k, v)), strict=True)
        return torch.cat([F.scaled_dot_product_attention(*part) for part in parts], dim=1)
    if _varies(q) and _prefers_products(*_key(q, k)):
        return _attend_by_products(q, k, v)[0]
    if torch.is_grad_enabled() and not torch.compiler.is_compiling() and _has_few_members(q, k):
        return (q @ k.mT * q.shape[-1] ** -0.5).softmax(dim=-1) @ v
    return F.scaled_dot_product_attention(q, k, v)


def can_attend_in_parts(q: Tensor) -> bool:
    """Whether :func:`attend_in_part` works here: torch has its like without gradients only."""
    return is_free() and q.device.type == 'cpu'


def attend_in_part(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Attention to some of the keys, and the log-sum-exp of their scores, (L, heads, n) float32.

    The latter is what adding the other keys takes; :func:`add_key` adds one.
    """
    if _varies(q) and _prefers_products(*_key(q, k)):
        return _attend_by_products(q, k, v)
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)


def add_key(attended: Tensor, logsumexp: Tensor, q: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Let queries that have seen some keys see one more, in place.

    Args:
        attended: (..., d), of the keys seen so far.
        logsumexp: (...), of their scores.
        q: The queries, (..., d).
        key: Broadcast to ``q``.
        value: Broadcast to ``q``.
    """
    scores = (q * key).sum(dim=-1, dtype=logsumexp.dtype) * q.shape[-1] ** -0.5
    share = torch.sigmoid(scores - logsumexp).to(attended.dtype)
    return attended.lerp_(value, share.unsqueeze(-1))


class Linear(nn.Linear):
    """A linear layer that in half-precision inference on a CPU is computed in the fastest way."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self._prepared: dict[int, PreparedWeights] = {}

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_prepared': {}}

    def train(self, mode: bool = True) -> Linear:
        """Switch mode; weights may have been written since, as an EMA hook does."""
        self._prepared.clear()
        return super().train(mode)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (..., in_features) to (..., out_features)."""
        return self._product(inputs, 0, self.weight, self.bias)

    def _product(self, inputs: Tensor, number: int, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not _varies(inputs) or weight.dtype != inputs.dtype:
            return F.linear(inputs, weight, bias)
        way = _linear_way(inputs.dtype, torch.get_num_threads())
        if way == 'torch':
            return F.linear(inputs, weight, bias)
        if number not in self._prepared:
            self._prepared[number] = PreparedWeights(way)
        return self._prepared[number](inputs, weight, bias)


class SplitLinear(Linear):
    """Several linear layers of the same input, whose weights are kept as one.

    Their outputs are tensors of their own, in which rows of a head lie as attention reads them.

    Args:
        in_features: Channels of the input.
        out_features: Channels of all outputs together.
        parts: How many outputs.
        bias: Whether there is a bias.
    """

    def __init__(self, in_features: int, out_features: int, parts: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.parts = parts

    def forward(self, inputs: Tensor, split: bool = False) -> Any:
        """Inputs (..., in_features) to one tensor, or to one for each part."""
        if not split:
            return super().forward(inputs)
        if torch.compiler.is_compiling():
            # Runtimes fold and quantize weights that are whole, and order memory themselves.
            return super().forward(inputs).chunk(self.parts, dim=-1)
        if torch.is_grad_enabled() and is_casting(inputs):
            return self._one_product(inputs)
        weights = self.weight.chunk(self.parts)
        biases = [None] * self.parts if self.bias is None else self.bias.chunk(self.parts)
        return tuple(
            self._product(inputs, number, *part)
            for number, part in enumerate(zip(weights, biases, strict=True), start=1)
        )

    def _one_product(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The parts as one batched product, which a checkpoint does not repeat."""
        rows = inputs.reshape(1, -1, self.in_features).expand(self.parts, -1, -1)
        weights = self.weight.unflatten(0, (self.parts, -1)).mT
        if self.bias is None:
            outputs = torch.bmm(rows, weights)
        else:
            outputs = torch.baddbmm(self.bias.unflatten(0, (self.parts, 1, -1)), rows, weights)
        return outputs.unflatten(1, inputs.shape[:-1]).unbind()


class PreparedWeights:
    """Weights in the form that a way of multiplying wants, until they change.

    Args:
        way: ``packed``, or ``float32``.
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self._state: tuple = ()

    def __call__(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The linear layer of ``weight`` and ``bias``."""
        parameters = [weight] if bias is None else [weight, bias]
        state = state_of(*parameters)
        if state != self._state:
            fixed_bias = None if bias is None else bias.detach()
            self._weight, self._bias = _prepare(self.way, weight.detach(), fixed_bias, inputs)
            self._state = state
        return _multiply(self.way, inputs, self._weight, self._bias)


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
            with torch.device('meta'):
                layer = Linear(first.in_features, second.out_features)
            weight, bias = fold(first, second)
            layer.weight = nn.Parameter(weight, requires_grad=False)
            layer.bias = nn.Parameter(bias, requires_grad=False)
            self._layer, self._state = layer, state
        return self._layer(inputs)


@torch.no_grad()
def fold(first: nn.Linear, second: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias of the one linear layer that equals ``second(first(...))``.

    They are computed in double precision: the result differs from two layers by rounding alone.
    """
    w1, b1, w2, b2 = (p.detach().double() for layer in (first, second) for p in layer.parameters())
    return (w2 @ w1).to(first.weight.dtype), (w2 @ b1 + b2).to(first.weight.dtype)


def state_of(*parameters: Tensor) -> tuple:
    """A value that changes when a parameter is replaced or written to."""
    # What was made in inference mode, as a folded layer's weights may be, has no version.
    versions = [None if p.is_inference() else p._version for p in parameters]
    return tuple((p.data_ptr(), v, p.dtype) for p, v in zip(parameters, versions, strict=True))


def _varies(inputs: Tensor) -> bool:
    """Whether the usual way may not be the fastest: half precision on a CPU, nothing recorded."""
    return inputs.dtype == torch.bfloat16 and inputs.device.type == 'cpu' and is_free()


def _has_few_members(q: Tensor, k: Tensor) -> bool:
    """Whether groups on a CPU lie so that one product takes all of them, and have few members.

    A class token may be one more.
    """
    few = len(q) == 1 and max(q.shape[2], k.shape[2]) - 1 <= FEW_MEMBERS
    return few and q.device.type == 'cpu' and q.dtype == torch.float32


def _attend_by_products(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Products and a softmax, so few heads at once that their scores stay in the cache."""
    num_groups, heads, num_queries, dims = q.shape
    # In the order of the fused kernel's output.
    attended = q.new_empty(num_groups, num_queries, heads, dims).transpose(1, 2)
    logsumexp = q.new_empty(num_groups, heads, num_queries, dtype=torch.float32)
    at_once = max(1, SMALL_GROUP // (num_queries * k.shape[2]))
    scale, nothing = dims**-0.5, q.new_empty(())
    for group in range(num_groups):
        for start in range(0, heads, at_once):
            part = (group, slice(start, start + at_once))
            scores = torch.baddbmm(nothing, q[part], k[part].mT, beta=0, alpha=scale)
            weights = scores.softmax(dim=-1)
            attended[part] = weights @ v[part]
            # The largest weight is exp(largest score - log-sum-exp).
            logsumexp[part] = scores.amax(dim=-1).float() - weights.amax(dim=-1).float().log()
    return attended, logsumexp


def _key(q: Tensor, k: Tensor) -> tuple:
    return q.dtype, q.shape[1], q.shape[2], k.shape[2], q.shape[3], torch.get_num_threads()


@lru_cache
def _prefers_products(
    dtype: torch.dtype, heads: int, num_queries: int, num_keys: int, dims: int, num_threads: int
) -> bool:
    """Whether plain products are clearly faster than the fused kernel for groups of this size."""
    if num_queries * num_keys > SMALL_GROUP:
        return False
    shape = (1, num_queries, heads, dims)
    q = torch.ones(shape, dtype=dtype).transpose(1, 2)
    k = torch.ones(1, num_keys, heads, dims, dtype=dtype).transpose(1, 2)
    products = _seconds(lambda: _attend_by_products(q, k, k))
    return products < GAIN * _seconds(lambda: F.scaled_dot_product_attention(q, k, k))


@lru_cache
def _linear_way(dtype: torch.dtype, num_threads: int) -> str:
    """How a linear layer is computed: ``torch``, ``packed`` or ``float32``."""
    inputs, weight = torch.ones(256, 768, dtype=dtype), torch.ones(768, 768, dtype=dtype)
    bias = torch.ones(768, dtype=dtype)
    best, least = 'torch', GAIN * _seconds(lambda: F.linear(inputs, weight, bias))
    for way in ('packed', 'float32') if _can_pack() else ('float32',):
        prepared = _prepare(way, weight, bias, inputs)
        seconds = _seconds(lambda: _multiply(way, inputs, *prepared))  # noqa: B023
        if seconds < least:
            best, least = way, GAIN * seconds
    return best


def _prepare(
    way: str, weight: Tensor, bias: Tensor | None, inputs: Tensor
) -> tuple[Tensor, Tensor | None]:
    if way == 'float32':
        return weight.float(), None if bias is None else bias.float()
    rows = inputs.numel() // inputs.shape[-1]
    return torch.ops.mkldnn._reorder_linear_weight(weight, rows), bias


def _multiply(way: str, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if way == 'float32':
        return F.linear(inputs.float(), weight, bias).to(inputs.dtype)
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, 'none', [], 'none')


@lru_cache
def _can_pack() -> bool:
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _seconds(run: Callable[[], object]) -> float:
    """The shorter of two runs, after one to warm up."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
