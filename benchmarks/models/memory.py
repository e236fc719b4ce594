"""FLOPs, time and peak memory of the five schemes against resolution and number of frames.

FLOPs and memory are counted on tensors without content, so that no size is too large for the
machine. Blocks are alike: one and two are counted, twelve follow. Time is that of one block,
twelve times.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.interleave import time_in_turn
from benchmarks.models import peers
from benchmarks.models.counting import (
    count_activations,
    count_flops,
    count_once,
    measure_once,
    num_parameters,
)
from benchmarks.models.memory_plot import draw
from benchmarks.models.peak_memory import peak_bytes
from benchmarks.models.peers import Setup
from benchmarks.record import Record, table
from mmaction_timesformer.models.backbones import TimeSformerBackbone
from mmaction_timesformer.models.layers import AttentionKernel, AttentionStep, TokenGrid, attend

SCHEMES = (
    'space_only',
    'divided_space_time',
    'axial',
    'sparse_local_global',
    'joint_space_time',
)
BESIDE = ("mmaction2's joint", 'joint_space_time')
RESOLUTIONS = (224, 336, 448)
FRAMES = (8, 32, 96)
KEYS_AT = (16, 448)
NUM_BLOCKS = 12
CARD_GIB = 16
# A float32 weight, its gradient, and AdamW's two moments.
BYTES_A_WEIGHT = 16
SOURCES = ('mmaction_timesformer/models', 'benchmarks')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument('--rounds', type=int, default=2, help='timed runs of each block')


def run(options: argparse.Namespace) -> None:
    """Count, time, and write record and plot."""
    counted = [row for point in _points() for row in count_point(*point)]
    results = {
        'counted': counted,
        'check': check_count(),
        'batch_of_8': count_batch(),
        'seconds': time_points(options.rounds),
        'against_joint': against_joint(options.rounds),
    }
    settings = dict(model='base', blocks=NUM_BLOCKS, dtype='float32', rounds=options.rounds)
    draw(results, options.out / 'memory.png', CARD_GIB)
    Record(
        'memory',
        'The five schemes against the size of a clip',
        settings,
        results,
        _tables(results, options.out / 'memory.png'),
        sources=SOURCES,
    ).write(options.out)


def _points() -> Iterator[tuple[int, int]]:
    yield from ((FRAMES[0], pixels) for pixels in RESOLUTIONS)
    yield from ((frames, RESOLUTIONS[0]) for frames in FRAMES[1:])


def count_point(num_frames: int, img_size: int) -> list[dict[str, Any]]:
    """FLOPs, and bytes of a training step's activations, of every scheme at one size of clip."""
    rows = []
    for name, scheme in [*((scheme, scheme) for scheme in SCHEMES), BESIDE]:
        setup = Setup(num_frames, img_size, attention_type=scheme)
        library = 'ours' if name == scheme else 'mmaction2'
        activations = count_activations(library, setup)
        row = dict(
            scheme=name,
            num_frames=num_frames,
            img_size=img_size,
            activation_bytes=activations.plain,
            weight_bytes=BYTES_A_WEIGHT * num_parameters(library, setup),
        )
        if library == 'ours':
            row['flops'] = count_flops(setup)
            row['activation_bytes_with_cp'] = activations.with_cp
        rows.append(row)
    return rows


def check_count() -> list[dict[str, Any]]:
    """Counted beside measured memory of PyTorch's allocator, for two blocks."""
    rows = []
    for library, scheme, with_cp in [
        *(('ours', scheme, False) for scheme in SCHEMES),
        ('ours', 'divided_space_time', True),
        ('mmaction2', BESIDE[1], False),
    ]:
        setup = Setup(attention_type=scheme, num_layers=2)
        if with_cp:
            counted = count_activations(library, setup).with_cp
        else:
            counted = count_once(library, setup)
        measured = measure_once(library, setup, with_cp)
        name = f'{library}, {scheme}{", with_cp" * with_cp}'
        rows.append(dict(model=name, counted=counted, measured=measured))
    return rows


def count_batch() -> dict[str, int]:
    """Bytes in all for a batch of eight clips at 8x224, with gradients and without an optimiser."""
    setup = Setup(batch_size=8)
    weights = 8 * num_parameters('ours', setup)
    ours = count_activations('ours', setup)
    return {
        'mmaction2': weights + count_activations('mmaction2', setup).plain,
        'ours': weights + ours.plain,
        'ours, with_cp': weights + ours.with_cp,
    }


def time_points(num_rounds: int) -> list[dict[str, Any]]:
    """Seconds of twelve blocks of every scheme in inference."""
    rows = []
    for num_frames, img_size in _points():
        contenders = {scheme: _block(scheme, num_frames, img_size) for scheme in SCHEMES}
        timings = time_in_turn(contenders, num_rounds)
        for scheme in SCHEMES:
            seconds = NUM_BLOCKS * timings.spread(scheme).median
            rows.append(
                dict(
                    scheme=scheme,
                    num_frames=num_frames,
                    img_size=img_size,
                    seconds=round(seconds, 3),
                )
            )
    return rows


def against_joint(num_rounds: int) -> list[dict[str, Any]]:
    """Attention alone at 16x448: time and memory beside joint's, and keys beside joint's.

    Beside the time stands what it takes to read queries, keys and values once and to write as much
    as attention does: with few keys no kernel is much faster than that.
    """
    frames, side = KEYS_AT[0], KEYS_AT[1] // 16
    half = (side + 1) // 2
    keys = {
        'joint_space_time': frames * side**2 + 1,
        'sparse_local_global': (frames + (frames + 1) // 2) * half**2 + 2,
        'axial': frames + 2 * side + 3,
    }
    clocks = {scheme: KernelClock() for scheme in keys}
    blocks = {scheme: _block(scheme, *KEYS_AT, clocks[scheme]) for scheme in keys}
    # Only here are there as many queries as keys.
    movers = {scheme: KernelClock(torch.addcmul) for scheme in ('joint_space_time', 'axial')}
    moving = {
        f'{scheme}, moving': _block(scheme, *KEYS_AT, mover) for scheme, mover in movers.items()
    }
    timings = time_in_turn(blocks | moving, num_rounds)
    attention = {scheme: median(clocks[scheme].seconds[-num_rounds:]) for scheme in keys}
    moved = {scheme: median(mover.seconds[-num_rounds:]) for scheme, mover in movers.items()}
    base = 'joint_space_time'
    memory = {scheme: peak_bytes(blocks[scheme]) for scheme in keys}
    return [
        dict(
            scheme=scheme,
            keys=keys[scheme],
            keys_of_joint=round(keys[scheme] / keys[base], 4),
            block_seconds=round(timings.spread(scheme).median, 3),
            attention_seconds=round(attention[scheme], 3),
            attention_of_joint=round(attention[scheme] / attention[base], 4),
            moving_of_joint=round(moved[scheme] / attention[base], 4) if scheme in moved else None,
            peak_mib=round(memory[scheme] / 2**20, 1),
        )
        for scheme in keys
    ]


class KernelClock:
    """Runs attention's kernel, and adds up the time that it takes.

    Args:
        kernel: The kernel to run.
        clock: Gives the time in seconds.

    Attributes:
        seconds: Of each run, since `start_run` was called.
    """

    def __init__(
        self, kernel: AttentionKernel = attend, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.kernel = kernel
        self.clock = clock
        self.seconds: list[float] = []

    def start_run(self) -> None:
        """Begin another run."""
        self.seconds.append(0.0)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend."""
        started = self.clock()
        outputs = self.kernel(q, k, v)
        self.seconds[-1] += self.clock() - started
        return outputs


def _block(
    scheme: str, num_frames: int, img_size: int, clock: KernelClock | None = None
) -> Callable[[], object]:
    """One block on random tokens; its attention's kernel is timed apart where there is a clock."""
    setup = Setup(num_frames, img_size, attention_type=scheme, num_layers=1)
    backbone = peers.build('ours', setup)
    assert isinstance(backbone, TimeSformerBackbone)
    side = img_size // 16
    grid = TokenGrid(num_frames, side, side, num_frames if scheme == 'space_only' else 1)
    tokens = torch.randn(1, grid.num_cls + grid.num_patches, setup.embed_dims)
    clock = clock or KernelClock()
    for module in backbone.modules():
        if isinstance(module, AttentionStep):
            module.kernel = clock

    @torch.inference_mode()
    def run_block() -> None:
        clock.start_run()
        backbone.blocks[0](tokens, grid)

    return run_block


def _tables(results: dict[str, Any], picture: Path) -> list[str]:
    def gib(count: int | None) -> str:
        return '' if count is None else f'{count / 2**30:.2f}'

    lines = [f'![FLOPs, time and memory]({picture.name})', '']
    lines += ['## Counted', '', 'GFLOPs of a forward pass; GiB of activations in training, and']
    lines += [f'whether a step with AdamW fits into {CARD_GIB} GiB, at batch 1.', '']
    heads = ('scheme', 'clip', 'GFLOPs', 'activations', 'with `with_cp`', 'fits')
    lines += table(
        heads,
        [
            (
                row['scheme'],
                f'{row["num_frames"]}x{row["img_size"]}',
                f'{row["flops"] / 1e9:.0f}' if 'flops' in row else '',
                gib(row['activation_bytes']),
                gib(row.get('activation_bytes_with_cp')),
                _fits(row),
            )
            for row in results['counted']
        ],
    )
    lines += ['## Counted beside measured', '', 'Two blocks, 8x224, MiB of activations. For']
    lines += ['`sparse_local_global` the tables above have what was measured.', '']
    lines += table(
        ('model', 'counted', 'measured'),
        [
            (row['model'], *(f'{row[k] / 2**20:.1f}' for k in ('counted', 'measured')))
            for row in results['check']
        ],
    )
    lines += ['## Eight clips at 8x224, divided, weights and gradients included', '']
    batch = results['batch_of_8']
    lines += table(
        ('model', 'GiB', "times mmaction2's"),
        [(name, gib(n), f'{n / batch["mmaction2"]:.2f}') for name, n in batch.items()],
    )
    lines += ['## Seconds of twelve blocks in inference', '']
    lines += table(
        ('scheme', 'clip', 'seconds'),
        [
            (r['scheme'], f'{r["num_frames"]}x{r["img_size"]}', r['seconds'])
            for r in results['seconds']
        ],
    )
    lines += [f'## A block at {KEYS_AT[0]}x{KEYS_AT[1]} beside joint attention', '']
    rows = results['against_joint']
    columns = [head.replace('_', ' ') for head in rows[0]]
    return lines + table(columns, [['' if v is None else v for v in r.values()] for r in rows])


def _fits(row: dict[str, Any]) -> str:
    card = CARD_GIB * 2**30
    if row['weight_bytes'] + row['activation_bytes'] <= card:
        return 'yes'
    with_cp = row.get('activation_bytes_with_cp')
    if with_cp is not None and row['weight_bytes'] + with_cp <= card:
        return 'with `with_cp`'
    return 'no'
