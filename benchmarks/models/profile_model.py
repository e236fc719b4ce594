"""Measure where the model's time goes, and how much of what it writes are copies.

Times are those of torch's profiler, by kind of operator. Shares of a time depend on the processor:
where products are slow, copies look small. Bytes do not: what a forward pass writes by copying is
counted from its operators, the same everywhere. Copies that an operator makes inside, as a product
does of its bias, belong to the operator.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.models import peers
from benchmarks.models.peers import Setup
from benchmarks.record import Record, table
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES

DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16}
SOURCES = ('mmaction_timesformer/models', 'benchmarks')
COPYING = ('cat', 'clone', 'copy_', '_to_copy', 'index_select', 'constant_pad_nd', 'stack')
KINDS = {
    'products': ('addmm', 'mm', 'mkldnn_linear', '_linear_pointwise', 'convolution', 'conv2d'),
    'attention': ('scaled_dot_product', 'bmm', 'softmax'),
    'copies': COPYING,
    'normalisation': ('layer_norm',),
    'activation': ('gelu', 'gelu_'),
    'additions': ('add', 'add_', 'sum', 'mul', 'lerp'),
}
"""Parts of operators' names, the first that fits."""


class _Copies(TorchDispatchMode):
    """Adds up the bytes that copying operators write."""

    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        if function.overloadpacket.__name__ in COPYING:
            self.num_bytes += output.numel() * output.element_size()
        return output


def bytes_copied(run: Callable[[], object]) -> int:
    """Bytes that a function writes by copying, whatever they are copied for."""
    with _Copies() as copies:
        run()
    return copies.num_bytes


def shares_of_time(run: Callable[[], object]) -> dict[str, float]:
    """Share of the time of a function in each kind of operator, by the profiler."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
    seconds: Counter[str] = Counter()
    for event in profiler.events():
        owner = event
        if _kind_of(event.name) == 'copies' and event.cpu_parent is not None:
            owner = _operator_around(event)
        seconds[_kind_of(owner.name)] += event.self_cpu_time_total
    return {kind: seconds[kind] / seconds.total() for kind in (*KINDS, 'other')}


def _operator_around(event: Any) -> Any:
    """The product that copies its bias by this event, or the event itself."""
    parent = event.cpu_parent
    while parent is not None and _kind_of(parent.name) not in ('products', 'attention'):
        parent = parent.cpu_parent
    return event if parent is None or parent.name == 'aten::linear' else parent


def _kind_of(name: str) -> str:
    bare = name.removeprefix('aten::').removeprefix('mkldnn::')
    for kind, parts in KINDS.items():
        if any(bare == part or (len(part) > 5 and part in bare) for part in parts):
            return kind
    return 'other'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand understands."""
    parser.add_argument('--rounds', type=int, default=5, help='profiled runs of each')
    parser.add_argument('--layers', type=int, default=12, help='blocks (%(default)s)')
    parser.add_argument('--dtype', choices=DTYPES, default='bfloat16', help='(%(default)s)')


def run(options: argparse.Namespace) -> None:
    """Profile every scheme and write the record."""
    results = profile_schemes(options.layers, options.dtype, options.rounds)
    settings = dict(
        model='base', num_frames=8, img_size=224, batch_size=1,
        layers=options.layers, dtype=options.dtype, rounds=options.rounds,
    )  # fmt: skip
    Record(
        'profile',
        "Where the model's time goes",
        settings,
        results,
        _tables(results),
        sources=SOURCES,
    ).write(options.out)


def profile_schemes(
    num_layers: int, dtype: str, num_rounds: int, **sizes: Any
) -> list[dict[str, Any]]:
    """Shares of time, medians of rounds in which every scheme runs in turn, and bytes copied."""
    runs = {}
    for scheme in PAPER_SCHEMES:
        setup = Setup(attention_type=scheme, num_layers=num_layers, **sizes)
        torch.manual_seed(0)
        model = peers.build('ours', setup).to(DTYPES[dtype])
        runs[scheme] = _forward(model, setup.clips().to(DTYPES[dtype]))
        runs[scheme]()
    shares: dict[str, list[dict[str, float]]] = {scheme: [] for scheme in PAPER_SCHEMES}
    for _ in range(num_rounds):
        for scheme, forward in runs.items():
            shares[scheme].append(shares_of_time(forward))
    size = Setup(**sizes)
    tokens = size.num_frames * (size.img_size // 16) ** 2 * size.embed_dims
    rows = []
    for scheme, found in shares.items():
        copied = bytes_copied(runs[scheme])
        of_tokens = copied / (tokens * DTYPES[dtype].itemsize * num_layers)
        medians = {kind: round(median(one[kind] for one in found), 4) for kind in found[0]}
        rows.append(
            dict(scheme=scheme, bytes_copied=copied, copied_a_block=round(of_tokens, 2), **medians)
        )
    return rows


def _forward(model: nn.Module, clips: Tensor) -> Callable[[], object]:
    @torch.no_grad()  # In inference mode, operators that are made of others are not seen apart.
    def run() -> None:
        model(clips)

    return run


def _tables(results: list[dict[str, Any]]) -> list[str]:
    kinds = (*KINDS, 'other')
    lines = ['Shares of the time in %, and what is copied: MiB, and patches a block.', '']
    return lines + table(
        ('scheme', *kinds, 'MiB copied', 'times all patches, a block'),
        [
            (
                row['scheme'],
                *(f'{100 * row[kind]:.1f}' for kind in kinds),
                f'{row["bytes_copied"] / 2**20:.1f}',
                row['copied_a_block'],
            )
            for row in results
        ],
    )
