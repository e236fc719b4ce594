"""Exported models beside the one in PyTorch: size, speed, and on the test clips accuracy.

A trained model is measured on its test clips; a ViT-Base of random weights shows the speed at full
size, and how far its answers for noise are from those of float32. Exported files are kept in a
folder and used again when they are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmaction.models import Recognizer3D
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.interleave import Timings, time_in_turn
from benchmarks.record import Record, table
from mmaction_timesformer.inference.exporting.clip_classifier import reference_of
from mmaction_timesformer.inference.exporting.export import export, load_model
from mmaction_timesformer.inference.exporting.exported_model import ExportedModel, Run
from mmaction_timesformer.inference.exporting.quantization import METHODS, quantize
from mmaction_timesformer.inference.exporting.split_clips import read_clips
from mmaction_timesformer.registry import MODELS

EAGER = 'PyTorch, float32'
HALF = 'PyTorch, bfloat16'
ONNX = 'ONNX, float32'
PACKAGE = 'compiled package, float32'
BATCH_SIZES = {'trained': 8, 'base': 1}


@dataclass(frozen=True)
class Subject:
    """A model to measure.

    Attributes:
        config: Its config.
        checkpoint: Its weights.
        folder: Where its exported files are kept.
        calibration: Makes the clips to calibrate on.
    """

    config: Config
    checkpoint: Path
    folder: Path
    calibration: Callable[[], list[Tensor]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parser.add_argument(
        'config', nargs='?', help='of the trained model; without it, the ViT-Base alone'
    )
    parser.add_argument('checkpoint', nargs='?', type=Path, help='its weights')
    parser.add_argument(
        '--files', type=Path, default=Path('work_dirs/export'), help='folder (%(default)s)'
    )
    parser.add_argument('--rounds', type=int, default=15, metavar='N', help='(%(default)s)')
    parser.add_argument('--calibration-clips', type=int, default=64, metavar='N')
    parser.add_argument(
        '--method', action='append', choices=METHODS, help='of int8; all, unless given'
    )
    parser.add_argument('--without-base', action='store_true', help='leave the ViT-Base out')
    parser.add_argument(
        '--base-package', action='store_true', help='compile the ViT-Base too, which takes minutes'
    )
    parser.add_argument(
        '--layers', type=int, default=12, help='blocks of the ViT-Base (%(default)s)'
    )
    parser.add_argument('--prepare', action='store_true', help='only make the files')


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    methods = tuple(options.method or METHODS)
    subjects = {'trained': _trained(options)} if options.config else {}
    if not options.without_base:
        subjects['base'] = _base(options.files / f'base_{options.layers}', options.layers)
    results: dict[str, Any] = {}
    lines: list[str] = []
    for name, subject in subjects.items():
        with_package = name == 'trained' or options.base_package
        forms, sizes, clip_shape = _forms(subject, methods, with_package)
        if options.prepare:
            continue
        clips = _noise((BATCH_SIZES[name], *clip_shape))
        scores = _test(subject.config, forms) if name == 'trained' else _errors(forms, clips)
        timings = _time(forms, clips, options.rounds)
        results[name] = {
            form: {'megabytes': sizes[form], **scores.get(form, {}), **figures}
            for form, figures in timings.as_dict(EAGER).items()
        }
        lines += _table(name, results[name], timings, BATCH_SIZES[name])
    if options.prepare:
        return
    Record(
        'export',
        'Exported models',
        {
            'rounds': options.rounds,
            'calibration clips': options.calibration_clips,
            'blocks of the ViT-Base': options.layers,
        },
        results,
        lines,
        packages=('onnx', 'onnxruntime', 'onnxscript'),
    ).write(options.out)


def _trained(options: argparse.Namespace) -> Subject:
    config = Config.fromfile(options.config)

    def calibration() -> list[Tensor]:
        clips = read_clips(config, 'train', count=options.calibration_clips)
        return [batch for batch, _ in clips]

    return Subject(config, options.checkpoint, options.files / 'trained', calibration)


def _base(folder: Path, num_layers: int) -> Subject:
    """ViT-Base with divided attention, 8 frames of 224 x 224, random weights."""
    model = dict(
        type='Recognizer3D',
        backbone=dict(type='TimeSformerBackbone', arch='base', num_transformer_layers=num_layers),
        cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=768),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=[127.5] * 3,
            std=[127.5] * 3,
            format_shape='NCTHW',
        ),
    )
    pipeline = [
        dict(type='SampleClip', clip_len=8, frame_interval=32),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(224, 224), keep_ratio=False),
    ]
    dataset = dict(type='RailwayYardDataset')
    config = Config(dict(model=model, val_pipeline=pipeline, test_dataloader=dict(dataset=dataset)))
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / 'random.pth'
    if not checkpoint.is_file():
        torch.manual_seed(0)
        init_default_scope('mmaction')
        torch.save({'state_dict': MODELS.build(model).state_dict(), 'meta': {}}, checkpoint)
    return Subject(config, checkpoint, folder, lambda: [_noise((2, 3, 8, 224, 224))])


def _forms(
    subject: Subject, methods: tuple[str, ...], with_package: bool
) -> tuple[dict[str, Run], dict[str, float], tuple[int, ...]]:
    """The model in all forms, the megabytes of each, and the shape of a clip."""
    folder = subject.folder
    folder.mkdir(parents=True, exist_ok=True)
    files = {ONNX: folder / 'model.onnx'}
    if with_package:
        files[PACKAGE] = folder / 'model.pt2'
    for file in files.values():
        if not file.is_file():
            export(subject.config, subject.checkpoint, file)
    for method in methods:
        file = files[f'ONNX, int8 {method}'] = folder / f'{method}.onnx'
        if not file.is_file():
            batches = subject.calibration() if method == 'static' else []
            quantize(files[ONNX], file, method, batches)
    model, metadata = load_model(subject.config, subject.checkpoint)
    forms = {EAGER: reference_of(model, metadata.temperature)}
    forms[HALF] = reference_of(_in_bfloat16(model), metadata.temperature)
    forms |= {
        name: ExportedModel.open(file, trust_compiled=True).run for name, file in files.items()
    }
    sizes = {EAGER: subject.checkpoint} | files
    megabytes = {name: round(file.stat().st_size / 1e6, 1) for name, file in sizes.items()}
    megabytes[HALF] = round(sum(2 * p.numel() for p in model.parameters()) / 1e6, 1)
    return forms, megabytes, metadata.clip_shape


def _in_bfloat16(model: Recognizer3D) -> Recognizer3D:
    """A copy with weights in bfloat16, which takes pixels as they come from float32."""
    half = deepcopy(model)
    half.backbone.bfloat16().register_forward_pre_hook(
        lambda _, inputs: (inputs[0].bfloat16(), *inputs[1:])
    )
    half.cls_head.bfloat16()
    return half


def _errors(forms: Mapping[str, Run], clips: Tensor) -> dict[str, dict[str, float]]:
    """How far the logits are from PyTorch's in float32, relative to these."""
    exact = forms[EAGER](clips)[1]
    return {
        name: {'relative_error': round(float((form(clips)[1] - exact).norm() / exact.norm()), 5)}
        for name, form in forms.items()
    }


def _test(config: Config, forms: Mapping[str, Run]) -> dict[str, dict[str, float]]:
    """Accuracy of each form on the test clips, and how often it answers as PyTorch does."""
    hits = dict.fromkeys(forms, 0)
    same = dict.fromkeys(forms, 0)
    total = 0
    for clips, labels in read_clips(config, 'test', pipeline='test_pipeline'):
        answers = {name: form(clips)[0].argmax(dim=1) for name, form in forms.items()}
        for name, answer in answers.items():
            hits[name] += int((answer == labels).sum())
            same[name] += int((answer == answers[EAGER]).sum())
        total += len(labels)
    return {
        name: {
            'accuracy': round(hits[name] / total, 4),
            'same_answer': round(same[name] / total, 4),
            'clips': total,
        }
        for name in forms
    }


def _time(forms: Mapping[str, Run], clips: Tensor, num_rounds: int) -> Timings:
    contenders = {name: partial(form, clips) for name, form in forms.items()}
    return time_in_turn(contenders, num_rounds)


def _table(
    name: str, results: Mapping[str, Mapping[str, Any]], timings: Timings, batch_size: int
) -> list[str]:
    titles = {
        'trained': f'The trained model, {batch_size} clips at once',
        'base': f'ViT-Base, divided attention, 8 frames of 224 x 224, {batch_size} clip at once',
    }
    heads = ['form', 'MB', 'ms a clip, median (quartiles)', 'times PyTorch, median (quartiles)']
    if name == 'base':
        heads += ['error of the logits']
    if name == 'trained':
        heads += ['accuracy on the test clips', 'answers as PyTorch']
    rows = []
    for form, row in results.items():
        seconds = timings.spread(form)
        milliseconds = type(seconds)(
            *(1e3 * value / batch_size for value in vars(seconds).values())
        )
        cells = [form, row['megabytes'], milliseconds.text(), timings.ratio(form, EAGER).text()]
        if name == 'base':
            cells += [row['relative_error']]
        if name == 'trained':
            cells += [f'{row["accuracy"]:.1%} of {row["clips"]}', f'{row["same_answer"]:.1%}']
        rows.append(cells)
    return [f'## {titles[name]}', '', *table(heads, rows)]


def _noise(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
