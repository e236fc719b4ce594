"""Exported models beside the one in PyTorch: size, speed, and on the test clips accuracy.

A trained model is measured on its test clips; a ViT-Base of random weights shows the speed at full
size. Exported files are kept in a folder and used again when they are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.interleave import Timings, time_in_turn
from benchmarks.record import table, write_record
from mmaction_timesformer.inference.exporting.clip_classifier import reference_of
from mmaction_timesformer.inference.exporting.export import export, load_model
from mmaction_timesformer.inference.exporting.exported_model import ExportedModel, Run
from mmaction_timesformer.inference.exporting.quantization import METHODS, quantize
from mmaction_timesformer.inference.exporting.split_clips import read_clips
from mmaction_timesformer.registry import MODELS

EAGER = 'PyTorch, float32'
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
    parser.add_argument('config', help='of the trained model')
    parser.add_argument('checkpoint', type=Path, help='its weights')
    parser.add_argument(
        '--files', type=Path, default=Path('work_dirs/export'), help='folder (%(default)s)'
    )
    parser.add_argument('--rounds', type=int, default=15, metavar='N', help='(%(default)s)')
    parser.add_argument('--calibration-clips', type=int, default=64, metavar='N')
    parser.add_argument('--without-base', action='store_true', help='leave the ViT-Base out')
    parser.add_argument(
        '--base-package', action='store_true', help='compile the ViT-Base too, which takes minutes'
    )
    parser.add_argument('--prepare', action='store_true', help='only make the files')


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    subjects = {'trained': _trained(options)}
    if not options.without_base:
        subjects['base'] = _base(options.files / 'base')
    results: dict[str, Any] = {}
    lines: list[str] = []
    for name, subject in subjects.items():
        forms, sizes, clip_shape = _forms(subject, name == 'trained' or options.base_package)
        if options.prepare:
            continue
        scores = _test(subject.config, forms) if name == 'trained' else {}
        clips = _noise((BATCH_SIZES[name], *clip_shape))
        timings = _time(forms, clips, options.rounds)
        results[name] = {
            form: {'megabytes': sizes[form], **scores.get(form, {}), **figures}
            for form, figures in timings.as_dict(EAGER).items()
        }
        lines += _table(name, results[name], timings, BATCH_SIZES[name])
    if options.prepare:
        return
    write_record(
        'export',
        'Exported models',
        {'rounds': options.rounds, 'calibration clips': options.calibration_clips},
        results,
        lines,
        options.out,
        packages=('onnx', 'onnxruntime', 'onnxscript'),
    )


def _trained(options: argparse.Namespace) -> Subject:
    config = Config.fromfile(options.config)

    def calibration() -> list[Tensor]:
        clips = read_clips(config, 'train', count=options.calibration_clips)
        return [batch for batch, _ in clips]

    return Subject(config, options.checkpoint, options.files / 'trained', calibration)


def _base(folder: Path) -> Subject:
    """ViT-Base with divided attention, 8 frames of 224 x 224, random weights."""
    model = dict(
        type='Recognizer3D',
        backbone=dict(type='TimeSformerBackbone', arch='base'),
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
    subject: Subject, with_package: bool
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
    for method in METHODS:
        file = files[f'ONNX, int8 {method}'] = folder / f'{method}.onnx'
        if not file.is_file():
            batches = subject.calibration() if method == 'static' else []
            quantize(files[ONNX], file, method, batches)
    model, metadata = load_model(subject.config, subject.checkpoint)
    forms = {EAGER: reference_of(model, metadata.temperature)}
    forms |= {
        name: ExportedModel.open(file, trust_compiled=True).run for name, file in files.items()
    }
    sizes = {EAGER: subject.checkpoint} | files
    megabytes = {name: round(file.stat().st_size / 1e6, 1) for name, file in sizes.items()}
    return forms, megabytes, metadata.clip_shape


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
    if name == 'trained':
        heads += ['accuracy on the test clips', 'answers as PyTorch']
    rows = []
    for form, row in results.items():
        seconds = timings.spread(form)
        milliseconds = type(seconds)(
            *(1e3 * value / batch_size for value in vars(seconds).values())
        )
        cells = [form, row['megabytes'], milliseconds.text(), timings.ratio(form, EAGER).text()]
        if name == 'trained':
            cells += [f'{row["accuracy"]:.1%} of {row["clips"]}', f'{row["same_answer"]:.1%}']
        rows.append(cells)
    return [f'## {titles[name]}', '', *table(heads, rows)]


def _noise(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
