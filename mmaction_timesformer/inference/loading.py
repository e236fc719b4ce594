"""Load a model that scores clips from a checkpoint or an exported file."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmaction_timesformer.inference import recognizer
from mmaction_timesformer.inference.exporting.exported_model import ExportedModel, is_exported
from mmaction_timesformer.inference.exporting.exported_stream import ExportedStream
from mmaction_timesformer.inference.online_model import (
    is_online,
    load_online,
    make_picture_preparer,
    score_names,
)
from mmaction_timesformer.inference.preparation import FramePreparer, PipelineParts
from mmaction_timesformer.inference.scoring import Score, ScoringSettings
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from mmaction_timesformer.models.precision import choose_dtype


def log_to_standard_error() -> None:
    """Keep standard output for results: mmengine's logger, once made, writes to it for good."""
    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to score clips.

    Attributes:
        score: From clips to calibrated probabilities, or from the frames of streams.
        prepare: From a picture to the model's input.
        classes: Names of the scores: the classes, and for a stream model those ahead.
        temperature: Divisor of the logits.
        digest: SHA-256 of the checkpoint.
        numbers: The type that it computes in; for an exported file also its format.
        horizons: Seconds ahead that a stream model scores too.
    """

    score: Score | StreamScorer
    prepare: FramePreparer
    classes: tuple[str, ...]
    temperature: float
    digest: str
    numbers: str
    horizons: tuple[float, ...] = ()


def load_weights(
    config: Config,
    weights: str | Path,
    device: str,
    settings: ScoringSettings,
    parts: PipelineParts,
    trust_compiled: bool = False,
) -> LoadedModel:
    """Load a checkpoint into the config's model, or open an exported file.

    Args:
        config: The model's config.
        weights: The file.
        device: Where the model runs.
        settings: How it scores.
        parts: What the config's pipeline says about clips.
        trust_compiled: Whether machine code out of a ``.pt2`` file may be run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It does not fit the config, or there is no such device.
    """
    if is_online(config) and Path(weights).suffix == '.onnx':
        return _open_exported_stream(config, weights, device)
    if is_online(config):
        recognizer.check_device(device)
        dtype = choose_dtype(settings.dtype, device)
        online = load_online(config, weights, device, dtype)
        return LoadedModel(
            StreamScorer(online.model, device),
            online.prepare,
            online.score_names,
            1.0,
            online.digest,
            str(dtype),
            online.model.horizons,
        )
    # The ONNX runtime has devices of its own.
    if Path(weights).suffix != '.onnx':
        recognizer.check_device(device)
    if is_exported(weights):
        return _open_exported(weights, device, settings, parts, trust_compiled)
    state_dict, meta, digest = recognizer.read_weights(weights)
    try:
        model = recognizer.build_recognizer(config, state_dict, device)
        classes = recognizer.find_classes(config, meta, model.cls_head.num_classes)
    except ValueError as error:
        raise ValueError(f'{weights}: {error}') from error
    dtype = choose_dtype(settings.dtype, device)
    prepare = recognizer.make_preparer(model, parts.picture_steps, dtype)
    score = recognizer.RecognizerScore(model, dtype, settings.temperature)
    return LoadedModel(score, prepare, classes, score.temperature, digest, str(dtype))


def _open_exported_stream(config: Config, weights: str | Path, device: str) -> LoadedModel:
    if device != 'cpu':
        raise ValueError(f'{weights}: the exported step of a stream runs on the CPU, not {device}')
    stream = ExportedStream(weights)
    found, head = stream.metadata, config.model.head
    if found.frame_seconds != head.frame_seconds or found.classes != tuple(config.classes):
        raise ValueError(
            f'{weights} was exported for {found.classes}, {found.frame_seconds:g} s apart: use the '
            'config that it was exported with'
        )
    return LoadedModel(
        StreamScorer(stream),
        make_picture_preparer(config),
        score_names(found.classes, found.horizons),
        1.0,
        found.weights_digest,
        'float32 .onnx',
        found.horizons,
    )


def _open_exported(
    weights: str | Path,
    device: str,
    settings: ScoringSettings,
    parts: PipelineParts,
    trust_compiled: bool,
) -> LoadedModel:
    model = ExportedModel.open(weights, device, trust_compiled, settings.temperature)
    found = model.metadata
    for name in ('num_frames', 'frame_interval'):
        exported, wanted = getattr(found, name), getattr(parts, name)
        if exported != wanted:
            raise ValueError(
                f'{weights} was exported for {name}={exported}, and the config has {wanted}: use '
                'the config that it was exported with'
            )
    return LoadedModel(
        model,
        # Normalisation is inside the exported model.
        FramePreparer(parts.picture_steps, None, None, torch.uint8),
        found.classes,
        model.temperature,
        found.weights_digest,
        f'{found.precision} {Path(weights).suffix}',
    )
