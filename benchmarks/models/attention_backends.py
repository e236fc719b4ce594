"""Ways to compute attention, beside each other, for groups of the sizes that the schemes make.

The tensors are views as the layers hand them out, (L, R heads, n, d): L groups outside and R inside
of their members in memory. Every way must give the same result, or it is not timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.interleave import time_in_turn
from benchmarks.record import Record, table
from mmaction_timesformer.models.layers import processor
from mmaction_timesformer.models.layers.grouping import to_heads

DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16}
BACKENDS = {
    'fused': SDPBackend.FLASH_ATTENTION,
    'efficient': SDPBackend.EFFICIENT_ATTENTION,
    'cuDNN': SDPBackend.CUDNN_ATTENTION,
    'math': SDPBackend.MATH,
}
LAYERS = 'layers'
"""Name of the way that the layers take, by their own measurement."""
SOURCES = ('mmaction_timesformer/models', 'benchmarks')
NUM_HEADS, HEAD_DIMS = 12, 64


class Groups(NamedTuple):
    """Groups of one attention step: L outside, R inside, with n queries and m keys each."""

    outside: int
    inside: int
    queries: int
    keys: int


STEPS = {
    'time, 8 + 1': Groups(1, 196, 9, 9),
    'rows or columns, 14 + 1': Groups(8, 14, 15, 15),
    'space, 196 + 1': Groups(8, 1, 197, 197),
    'a window of local-global': Groups(1, 1, 128, 392),
    'joint, 1568 + 1': Groups(1, 1, 1569, 1569),
}
"""Of one clip of 8x224 in the base model."""


class Case(NamedTuple):
    """A row of the record: a step, its groups, the dtype, whether gradients are computed too."""

    step: str
    groups: Groups
    dtype: str
    training: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand understands."""
    parser.add_argument('--rounds', type=int, default=9, help='timed runs of each (%(default)s)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (%(default)s)')


def run(options: argparse.Namespace) -> None:
    """Time every way and write the record."""
    results = [
        measure(Case(name, groups, dtype, training), options.device, options.rounds)
        for dtype, training in (('float32', False), ('bfloat16', False), ('float32', True))
        for name, groups in STEPS.items()
    ]
    settings = dict(
        num_heads=NUM_HEADS, head_dims=HEAD_DIMS, rounds=options.rounds, device=options.device
    )
    suffix = '' if options.device == 'cpu' else f'_{torch.device(options.device).type}'
    Record(
        f'attention{suffix}',
        'Ways to compute attention',
        settings,
        results,
        _tables(results),
        sources=SOURCES,
    ).write(options.out)


def measure(case: Case, device: str, num_rounds: int) -> dict[str, Any]:
    """Time the ways that work here for groups of one size."""
    parts = _tensors(case.groups, DTYPES[case.dtype], device)
    with torch.inference_mode(not case.training):
        contenders = _ways(*parts)
        if case.training:
            for part in parts:
                part.requires_grad_()
            contenders = {name: partial(_and_back, way, parts) for name, way in contenders.items()}
        timings = time_in_turn(contenders, num_rounds)
    told = dict(step=case.step, dtype=case.dtype, training=case.training)
    return {**told, 'times': timings.as_dict('fused')}


def _and_back(way: Callable[[], Tensor], parts: list[Tensor]) -> Any:
    found = way()
    return torch.autograd.grad(found, parts, found.detach())


def _ways(q: Tensor, k: Tensor, v: Tensor) -> dict[str, Callable[[], Tensor]]:
    """The ways that work for these tensors, by name.

    Raises:
        ValueError: One gives another result.
    """
    ways: dict[str, Callable[[], Tensor]] = {LAYERS: partial(processor.attend, q, k, v)}
    for name, backend in BACKENDS.items():
        run = partial(_by_backend, backend, q, k, v)
        if _works(run):
            ways[name] = run
    ways['products'] = partial(_by_products, q, k, v)
    expected = _by_backend(SDPBackend.MATH, q.float(), k.float(), v.float())
    for name, way in ways.items():
        error = float((way().float() - expected).norm() / expected.norm())
        if not error < 50 * torch.finfo(q.dtype).eps:
            raise ValueError(f'{name} gives another result: it differs by {error:.1e}')
    return ways


def _tensors(groups: Groups, dtype: torch.dtype, device: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    tensors = []
    for members in (groups.queries, groups.keys, groups.keys):
        shape = (groups.outside, members, groups.inside, NUM_HEADS * HEAD_DIMS)
        rows = torch.randn(shape, generator=generator).to(device, dtype)
        tensors.append(to_heads(rows, NUM_HEADS))
    return tensors


def _by_backend(backend: SDPBackend, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(q, k, v)


def _by_products(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (q * q.shape[-1] ** -0.5 @ k.mT).softmax(dim=-1)
    return weights @ v


def _works(way: Callable[[], Tensor]) -> bool:
    try:
        way()
    except RuntimeError:  # There is no such kernel for this device, dtype or number of heads.
        return False
    return True


def _tables(results: list[dict[str, Any]]) -> list[str]:
    lines = [
        f'Times those of torch\'s fused kernel, medians; "{LAYERS}" is what the model takes.',
        '',
    ]
    names = list(dict.fromkeys(name for row in results for name in row['times']))
    rows = []
    for row in results:
        times = row['times']
        ratios = (
            f'{times[name]["times_fused"]["median"]:.2f}' if name in times else '-'
            for name in names
        )
        milliseconds = f'{1e3 * times["fused"]["seconds"]["median"]:.2f}'
        passes = 'forward, back' if row['training'] else 'forward'
        rows.append((row['step'], row['dtype'], passes, milliseconds, *ratios))
    return lines + table(('groups', 'dtype', 'passes', 'fused, ms', *names), rows)
