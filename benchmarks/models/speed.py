"""Measure the model beside its peers: mmaction2's and Hugging Face's TimeSformer, SlowFast, I3D.

The floor is the model's own matrix products, alone, in the same dtype.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.interleave import Timings, time_in_turn
from benchmarks.models import peers
from benchmarks.models.floor import flops_of, multiply_alone, products_of, with_backward
from benchmarks.models.peak_memory import drop_gradients, in_own_process, peak_bytes
from benchmarks.models.peers import CNN_FRAMES, CNNS, TIMESFORMERS, Setup
from benchmarks.record import Record, processor_flags, table

PARTS = ('float32', 'bfloat16', 'training', 'training_bfloat16', 'memory')
TITLES = {
    'float32': 'Inference in float32',
    'bfloat16': 'Inference in bfloat16',
    'training': 'A training step, forward and backward',
    'training_bfloat16': 'A training step under bfloat16 autocast',
    'memory': 'Memory of a training step and of joint attention',
}
SOURCES = ('mmaction_timesformer/models', 'benchmarks')
PACKAGES = ('transformers', 'mmcv-lite', 'mmcv')
WITH_CP = 'ours, with_cp'
FLOOR, FOLDED_FLOOR = 'floor', 'floor, folded'
LARGE_JOINT = {'8x448': (8, 448), '32x224': (32, 224)}

Contenders = Mapping[str, Callable[[], object]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument(
        '--part',
        action='append',
        choices=PARTS,
        help='all, unless given; training_bfloat16 on a CPU that has instructions for it',
    )
    parser.add_argument('--rounds', type=int, default=8, help='timed runs of each')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (%(default)s)')


def run(options: argparse.Namespace) -> None:
    """Measure each part and write its record."""
    setup = Setup()
    for part in options.part or _usual_parts(options.device):
        if part == 'memory':
            results = measure_memory(setup, options.device)
            tables = _memory_tables(results)
        else:
            results = MEASURES[part](setup, options.device, options.rounds)
            tables = _time_tables(results)
        settings = {**vars(setup), 'device': options.device}
        if part != 'memory':
            settings['rounds'] = options.rounds
        suffix = '' if options.device == 'cpu' else f'_{torch.device(options.device).type}'
        name = f'model_{part}{suffix}'
        Record(
            name, TITLES[part], settings, results, tables, packages=PACKAGES, sources=SOURCES
        ).write(options.out)


def infer(setup: Setup, device: str, num_rounds: int) -> dict[str, Any]:
    """Time inference in float32, CNNs included, after a check that all compute the same."""
    clips = setup.clips(device)
    models = {name: model.to(device) for name, model in peers.build_alike(setup).items()}
    difference = peers.largest_difference(models, clips)
    contenders = {name: peers.forward(model, clips) for name, model in models.items()}
    cnn_clips = setup.with_frames(CNN_FRAMES).clips(device)
    for name in CNNS:
        contenders[name] = peers.forward(peers.build(name, setup).to(device), cnn_clips)
    contenders |= _floors(setup, torch.float32, device)
    results = _summary(time_in_turn(contenders, num_rounds), setup)
    return {**results, 'largest_difference': difference, 'flops': _flops(setup)}


def infer_half(setup: Setup, device: str, num_rounds: int) -> dict[str, Any]:
    """Time inference in bfloat16: weights kept in it, or cast by autocast where it must be."""
    dtype = torch.bfloat16
    clips = setup.clips(device)
    models = {name: model.to(device) for name, model in peers.build_alike(setup).items()}
    with torch.no_grad():
        exact = models['ours'](clips)
    contenders = {'mmaction2, autocast': peers.forward(models['mmaction2'], clips, autocast=True)}
    errors = {}
    for name in ('ours', 'huggingface'):
        model = models[name].to(dtype)
        contenders[name] = peers.forward(model, clips.to(dtype))
        with torch.no_grad():
            error = model(clips.to(dtype)).float() - exact
        errors[name] = round((error.norm() / exact.norm()).item(), 5)
    contenders |= _floors(setup, dtype, device)
    results = _summary(time_in_turn(contenders, num_rounds), setup)
    return {**results, 'relative_error': errors}


def _usual_parts(device: str) -> list[str]:
    """All but the bfloat16 training step where that is emulated, or is the usual one."""
    has_bfloat16 = device == 'cpu' and {'avx512_bf16', 'amx_bf16'} & set(processor_flags())
    return [part for part in PARTS if part != 'training_bfloat16' or has_bfloat16]


def train(setup: Setup, device: str, num_rounds: int, autocast: bool = False) -> dict[str, Any]:
    """Time a training step: float32 on a CPU unless autocast, mixed precision on a CUDA device."""
    clips = setup.clips(device)
    autocast = autocast or torch.device(device).type == 'cuda'

    def step(name: str, with_cp: bool = False) -> Callable[[], object]:
        return peers.training_step(peers.build(name, setup, with_cp).to(device), clips, autocast)

    contenders = {name: step(name) for name in TIMESFORMERS}
    contenders[WITH_CP] = step('ours', with_cp=True)
    with torch.device('meta'):
        model, imagined = peers.build('ours', setup), setup.clips('meta')
    products = with_backward(products_of(lambda: model(imagined)))
    dtype = torch.bfloat16 if autocast else torch.float32
    contenders[FLOOR] = multiply_alone(products, dtype, device)
    results = _summary(time_in_turn(contenders, num_rounds), setup)
    return {**results, 'floor_gflops': round(flops_of(products) / 1e9, 1)}


def measure_memory(setup: Setup, device: str) -> dict[str, Any]:
    """Peak memory in bytes, each in a process of its own."""
    training = {}
    for name in (*TIMESFORMERS, WITH_CP):
        training[name] = in_own_process(training_bytes, name, setup, device)
    joint = {}
    for size, (frames, pixels) in LARGE_JOINT.items():
        # One block is enough: blocks run one after the other and keep nothing in inference.
        large = Setup(frames, pixels, attention_type='joint_space_time', num_layers=1)
        joint[size] = {
            name: in_own_process(inference_bytes, name, large, device)
            for name in ('ours', 'mmaction2')
        }
    return {'training': training, 'joint_inference': joint}


def training_bytes(name: str, setup: Setup, device: str) -> dict[str, int]:
    """Of a training step: weights, peak in all, and peak of the activations alone."""
    model = peers.build('ours' if name == WITH_CP else name, setup, name == WITH_CP).to(device)
    step = peers.training_step(model, setup.clips(device), torch.device(device).type == 'cuda')
    step()
    weights = sum(parameter.nbytes for parameter in model.parameters())
    in_all = weights + peak_bytes(step, device)
    drop_gradients(model)
    return {'weights': weights, 'in_all': in_all, 'activations': peak_bytes(step, device)}


def inference_bytes(name: str, setup: Setup, device: str) -> int:
    """Peak of the activations in inference."""
    model = peers.build(name, setup).to(device)
    return peak_bytes(peers.forward(model, setup.clips(device)), device)


def _floors(setup: Setup, dtype: torch.dtype, device: str) -> dict[str, Callable[[], object]]:
    """The products of the architecture, and those left when linear layers in a row are folded."""
    with torch.device('meta'):
        model, clips = peers.build('ours', setup), setup.clips('meta')
    of_architecture = products_of(lambda: model(clips))
    with torch.no_grad():
        model(clips)
        folded = products_of(lambda: model(clips))
    return {
        FLOOR: multiply_alone(of_architecture, dtype, device),
        FOLDED_FLOOR: multiply_alone(folded, dtype, device),
    }


def _flops(setup: Setup) -> dict[str, float]:
    """GFLOPs of each model, a multiply-add being two, as torch counts them."""
    counted = {}
    for name in (*TIMESFORMERS, *CNNS):
        with torch.device('meta'):
            size = setup.with_frames(CNN_FRAMES) if name in CNNS else setup
            model, clips = peers.build(name, setup), size.clips('meta')
        with FlopCounterMode(display=False) as counter:
            model(clips)
        counted[name] = round(counter.get_total_flops() / 1e9, 1)
    return counted


def _summary(timings: Timings, setup: Setup) -> dict[str, Any]:
    """Seconds, times the floor, and what this project takes of each contender's time."""
    rows = timings.as_dict(FLOOR)
    for name in rows:
        rows[name]['speed_of_ours'] = timings.ratio(name, 'ours').as_dict()
    return {'clips_per_run': setup.batch_size, 'times': rows}


def _time_tables(results: dict[str, Any]) -> list[str]:
    def text(spread: dict[str, float]) -> str:
        return '{median:.3f} ({lower:.3f} to {upper:.3f})'.format(**spread)

    rows = sorted(results['times'].items(), key=lambda row: row[1]['seconds']['median'])
    lines = ['Medians and quartiles; ratios are taken round by round.', '']
    lines += table(
        ('what', 'seconds', 'times the floor', "times this project's time"),
        [(name, *(text(spread) for spread in row.values())) for name, row in rows],
    )
    if flops := results.get('flops'):
        lines += table(('model', 'GFLOPs'), flops.items())
        lines += [
            f'The three TimeSformers have the same weights; their features differ by '
            f'{results["largest_difference"]:.1e} at most.'
        ]
    if errors := results.get('relative_error'):
        lines += table(('model', 'error of its features against float32'), errors.items())
    return lines


def _memory_tables(results: dict[str, Any]) -> list[str]:
    training, joint = results['training'], results['joint_inference']

    def cell(count: int, base: int) -> str:
        return f'{count / 2**20:.0f} ({count / base:.2f})'

    base = training['mmaction2']
    lines = ["MiB; in parentheses times mmaction2's.", '', '## A training step', '']
    lines += table(
        ('model', 'activations', 'in all, with weights and gradients'),
        [
            (name, *(cell(row[part], base[part]) for part in ('activations', 'in_all')))
            for name, row in training.items()
        ],
    )
    lines += ['## Joint attention in inference, activations of one block', '']
    return lines + table(
        ('clip', 'ours', 'mmaction2'),
        [
            (size, *(cell(row[name], row['mmaction2']) for name in ('ours', 'mmaction2')))
            for size, row in joint.items()
        ],
    )


MEASURES: dict[str, Callable[[Setup, str, int], dict[str, Any]]] = {
    'float32': infer,
    'bfloat16': infer_half,
    'training': train,
    'training_bfloat16': partial(train, autocast=True),
}
