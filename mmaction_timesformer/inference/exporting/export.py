"""Exporting a checkpoint: trace, write beside the target, verify, rename."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.models.recognizers import Recognizer3D
from mmengine.config import Config
from torch import Tensor

from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.inference import recognizer
from mmaction_timesformer.inference.exporting.clip_classifier import ClipClassifier, reference_of
from mmaction_timesformer.inference.exporting.compiled_package import write_package
from mmaction_timesformer.inference.exporting.exported_model import SUFFIXES, ExportedModel, Run
from mmaction_timesformer.inference.exporting.exported_stream import export_stream
from mmaction_timesformer.inference.exporting.metadata import ExportMetadata
from mmaction_timesformer.inference.exporting.split_clips import read_clips
from mmaction_timesformer.inference.exporting.tracing import trace
from mmaction_timesformer.inference.exporting.verification import (
    DisagreementError,
    agreement,
    verify,
)
from mmaction_timesformer.inference.online_model import is_online
from mmaction_timesformer.inference.preparation import FramePreparer, split_pipeline
from mmaction_timesformer.inference.scoring import ScoringSettings
from video_clips.whole_files import check_writable, folder_beside

LEAST_AGREEMENT = 0.9
CHECKED_CLIPS = 64


@dataclass(frozen=True)
class ExportOptions:
    """How a checkpoint is exported."""

    int8: str | None = None
    """``dynamic`` or ``static``, for ONNX."""
    calibration_clips: int = 64
    """Training clips that ``static`` measures activations on."""
    image_size: tuple[int, int] | None = None
    """(height, width) of frames, where the config's pipeline leaves it open."""
    device: str = 'cpu'
    """Device that a package is compiled for."""
    cfg_options: Mapping[str, Any] | None = None
    """Values that replace the config's."""


def export(
    config: str | Path | Config,
    checkpoint: str | Path,
    out: str | Path,
    options: ExportOptions | None = None,
) -> str:
    """Write a checkpoint as a file for another runtime; it appears only if it agrees.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        out: ``.onnx``, or ``.pt2`` for a compiled package.
        options: How to export.

    Returns:
        What was written and how well it agrees.

    Raises:
        FileNotFoundError: The config or the checkpoint is missing.
        ValueError: They do not fit each other, or an argument makes no sense.
        DisagreementError: The exported model differs from its source; there is no file then.
    """
    options, target = options or ExportOptions(), Path(out)
    device = options.device
    _check_target(target, options)
    if not isinstance(config, Config):
        config = read_config(str(config))
    config.merge_from_dict(dict(options.cfg_options or {}))
    if is_online(config):
        if target.suffix != '.onnx' or options.int8 or options.image_size:
            raise ValueError(
                'the step of a stream is exported as float32 .onnx, for the size of the config'
            )
        return export_stream(config, checkpoint, target)
    model, metadata = load_model(config, checkpoint, options.image_size, device)
    reference = reference_of(model, metadata.temperature)
    program = trace(ClipClassifier(model, metadata.temperature), metadata.clip_shape, device)
    # Beside the target, so that renaming is atomic; packages and calibration leave files around.
    with folder_beside(target) as folder:
        file = folder / f'model{target.suffix}'
        if target.suffix == '.pt2':
            metadata = replace(metadata, device=torch.device(device).type)
            write_package(program, file, metadata.to_strings())
            exported = ExportedModel.open(file, device, trust_compiled=True)
        else:
            from mmaction_timesformer.inference.exporting.onnx_file import write_onnx

            write_onnx(program, file, metadata.to_strings())
            exported = ExportedModel.open(file)
        report = f'differs by {verify(exported, reference):.1g} at most'
        if options.int8:
            file, share = _quantize(file, options, reference, metadata, config)
            report = f'int8, {share:.1%} of validation clips in the same class'
        shutil.move(file, target)
    return f'{target} ({target.stat().st_size / 1e6:.1f} MB): {report}'


def _check_target(target: Path, options: ExportOptions) -> None:
    """Refuse a name of the file, or options that it excludes."""
    if target.suffix not in SUFFIXES:
        raise ValueError(f'{target}: give a name that ends in {" or ".join(SUFFIXES)}')
    if target.suffix == '.pt2' and options.int8:
        raise ValueError('--int8 is for .onnx files')
    if target.suffix == '.onnx' and options.device != 'cpu':
        raise ValueError('a .onnx file is for any device; leave --device out')
    check_writable(target.parent)


def load_model(
    config: Config,
    checkpoint: str | Path,
    image_size: tuple[int, int] | None = None,
    device: str = 'cpu',
) -> tuple[Recognizer3D, ExportMetadata]:
    """Build what is exported, and what its file says.

    Raises:
        FileNotFoundError: The checkpoint is missing.
        ValueError: It does not fit the config, or the config leaves the size of frames open.
    """
    settings = ScoringSettings.from_config(config)
    parts = split_pipeline(config[settings.pipeline])
    state_dict, meta, digest = recognizer.read_weights(checkpoint)
    model = recognizer.build_recognizer(config, state_dict, device)
    score = recognizer.RecognizerScore(model, torch.float32, settings.temperature)
    metadata = ExportMetadata(
        classes=recognizer.find_classes(config, meta, model.cls_head.num_classes),
        num_frames=parts.num_frames,
        frame_interval=parts.frame_interval,
        span_seconds=parts.span_seconds,
        image_size=image_size or _find_size(parts.picture_steps),
        picture_steps=tuple(Config(dict(steps=parts.picture_steps)).to_dict()['steps']),
        multi_label=bool(getattr(model.cls_head, 'multi_class', False)),
        temperature=score.temperature,
        weights_digest=digest,
    )
    return model, metadata


def _find_size(steps: tuple[Mapping[str, Any], ...]) -> tuple[int, int]:
    """The size of frames that a pipeline makes, whatever the shape of the video."""
    prepare = FramePreparer(steps, None, None, torch.uint8)
    wide = prepare(np.zeros((480, 720, 3), np.uint8)).shape[-2:]
    tall = prepare(np.zeros((720, 480, 3), np.uint8)).shape[-2:]
    if wide != tall:
        raise ValueError(
            f'the pipeline makes frames of {tuple(wide)} or of {tuple(tall)} pixels, as the video '
            'is: give --image-size HEIGHT WIDTH'
        )
    return int(wide[0]), int(wide[1])


def _quantize(
    file: Path,
    options: ExportOptions,
    reference: Run,
    metadata: ExportMetadata,
    config: Config,
) -> tuple[Path, float]:
    """Quantize, and refuse what changes too many answers on validation clips."""
    from mmaction_timesformer.inference.exporting.onnx_file import annotate
    from mmaction_timesformer.inference.exporting.quantization import METHODS, quantize

    method = options.int8
    if method not in METHODS:
        raise ValueError(f'int8={method!r} is unknown; choose from {METHODS}')
    target = file.with_name('int8.onnx')
    quantize(file, target, method, _clips(config, 'train', options.calibration_clips))
    annotate(target, replace(metadata, precision='int8').to_strings())
    share = agreement(ExportedModel.open(target), reference, _clips(config, 'val', CHECKED_CLIPS))
    if share < LEAST_AGREEMENT:
        raise DisagreementError(
            f'int8 ({method}) names another class for {1 - share:.0%} of {CHECKED_CLIPS} '
            f'validation clips; {1 - LEAST_AGREEMENT:.0%} are allowed'
        )
    return target, share


def _clips(config: Config, split: str, count: int) -> Iterator[Tensor]:
    pipeline = ScoringSettings.from_config(config).pipeline
    for clips, _ in read_clips(config, split, pipeline, count):
        yield clips
