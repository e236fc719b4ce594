"""A recognizer of mmaction2 as a function from clips to calibrated probabilities.

Legend: B clips, C channels, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.models.recognizers import Recognizer3D
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmaction_timesformer.inference.preparation import FramePreparer, build_part
from mmaction_timesformer.inference.scoring import check_temperature
from mmaction_timesformer.models.checkpoints import (
    find_checkpoint,
    read_checkpoint,
    refuse_non_finite,
)
from mmaction_timesformer.registry import DATASETS, MODELS
from video_clips.labels import check_class_names

# Of input to a CPU: two clips of 8x224x224.
_NUMBERS_AT_ONCE = 5 * 2**19


class RecognizerScore:
    """A trained recognizer.

    Args:
        model: In evaluation mode, on its device.
        dtype: Type to compute in; the parameters are cast to it.
        temperature: Divisor of the logits; by default the head's calibrated one.
    """

    def __init__(
        self, model: Recognizer3D, dtype: torch.dtype, temperature: float | None = None
    ) -> None:
        head = model.cls_head
        if temperature is None:
            temperature = float(head.temperature.value) if hasattr(head, 'temperature') else 1.0
        check_temperature(temperature, 'temperature')
        self.temperature = temperature
        self.dtype = dtype
        self.model = model.to(dtype)
        self._device = next(model.parameters()).device
        self._multi_label = bool(getattr(head, 'multi_class', False))
        self._preprocessor = None if normalises_frames(model) else model.data_preprocessor.float()

    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to probabilities (B, K)."""
        if self._device.type != 'cpu':
            return self._score(clips)
        # Large batches make the CPU allocator return and request memory on every call.
        at_once = max(_NUMBERS_AT_ONCE // clips[:1].numel(), 1)
        return torch.cat([self._score(some) for some in clips.split(at_once)])

    def features(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to what the head reads, (B, D)."""
        features, _ = self.model.extract_feat(self._prepare(clips), stage='backbone')
        return features.float()

    def _score(self, clips: Tensor) -> Tensor:
        logits, _ = self.model.extract_feat(self._prepare(clips), stage='head')
        logits = logits.float() / self.temperature
        return logits.sigmoid() if self._multi_label else logits.softmax(dim=1)

    def _prepare(self, clips: Tensor) -> Tensor:
        clips = clips.to(self._device, non_blocking=True).unsqueeze(1)
        if self._preprocessor is not None:
            clips = self._preprocessor({'inputs': list(clips), 'data_samples': []})['inputs']
        return clips.to(self.dtype)


def normalises_frames(model: Recognizer3D) -> bool:
    """Whether the model's data preprocessor does to each frame what it does to all."""
    preprocessor = model.data_preprocessor
    return type(preprocessor) is ActionDataPreprocessor and not preprocessor.to_rgb


def check_device(device: str) -> None:
    """Use a device once, so that a problem is reported before anything is loaded.

    Raises:
        ValueError: There is no such device.
    """
    try:
        torch.empty(1, device=device)
    # Without CUDA an assertion fails.
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(f'device={device!r} cannot be used: {reason}') from None


def build_recognizer(config: Config, state_dict: Mapping[str, Any], device: str) -> Recognizer3D:
    """Build a config's model and load its weights.

    Raises:
        ValueError: The model cannot be built, does not take clips, or the weights are not its own,
            or hold NaN or infinity.
    """
    # The checkpoint has all weights; those to start training from need not be there.
    refuse_non_finite(state_dict)
    model = make_recognizer(config, start_weights=False)
    try:
        model.load_state_dict(state_dict)
    except RuntimeError as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'the checkpoint does not fit the config: {reason:.300}') from None
    return model.to(device).eval()


def make_recognizer(config: Config, start_weights: bool = True) -> Recognizer3D:
    """Build a config's model.

    Args:
        config: The config.
        start_weights: Whether its ``init_weights`` loads those that training starts from.

    Raises:
        ValueError: It cannot be built or does not take clips.
    """
    init_default_scope(config.get('default_scope', 'mmaction'))
    if 'model' not in config:
        raise ValueError('the config has no model')
    model_config = config.model.to_dict()
    for part in (model_config, model_config.get('backbone') or {}):
        if not start_weights:
            part.pop('init_cfg', None)
            if 'pretrained' in part:
                part['pretrained'] = None
    model = build_part(MODELS.build, model_config)
    if not isinstance(model, Recognizer3D):
        raise ValueError(
            f'the config builds a {type(model).__name__}; a Recognizer3D is needed, which '
            'takes clips as (batch, channels, frames, height, width)'
        )
    return model


def read_weights(checkpoint: str | Path) -> tuple[Mapping[str, Any], Mapping[str, Any], str]:
    """Read a checkpoint.

    Returns:
        The parameters, what training has written beside them, and the file's SHA-256.
    """
    if '://' not in str(checkpoint):
        checkpoint = find_checkpoint(Path(checkpoint).expanduser())
    content = read_checkpoint(checkpoint)
    digest = hashlib.sha256()
    if Path(checkpoint).is_file():
        with open(checkpoint, 'rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return content['state_dict'], content.get('meta') or {}, digest.hexdigest()


def find_classes(config: Config, meta: Mapping[str, Any], num_classes: int) -> tuple[str, ...]:
    """Names of the classes: the checkpoint's, or the config's, or those of its dataset's class.

    Raises:
        ValueError: None of them names the classes, or the number differs from the model's.
    """
    datasets = [
        (config.get(name) or {}).get('dataset') or {}
        for name in ('test_dataloader', 'val_dataloader', 'train_dataloader')
    ]
    metainfos = [meta.get('dataset_meta') or {}]
    metainfos += [dataset.get('metainfo') or {} for dataset in datasets]
    kinds = [DATASETS.get(dataset['type']) for dataset in datasets if 'type' in dataset]
    metainfos += [getattr(kind, 'METAINFO', {}) for kind in kinds]
    names = next((m['classes'] for m in metainfos if m.get('classes')), None)
    if names is None:
        raise ValueError(
            'neither the checkpoint nor the config names the classes; '
            'set test_dataloader.dataset.metainfo=dict(classes=(...))'
        )
    if len(names) != num_classes:
        raise ValueError(f'the model has {num_classes} classes, but these are named: {list(names)}')
    return check_class_names(names)


def make_fingerprint(weights_digest: str, *settings: object) -> str:
    """A short name that changes with the weights and with what turns scores into events."""
    text = json.dumps(settings, default=str, sort_keys=True)
    return f'{weights_digest[:8]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}'


def make_preparer(
    model: Recognizer3D, steps: Sequence[Mapping[str, Any]], dtype: torch.dtype
) -> FramePreparer:
    """Build the frame preparation of a model.

    Frames are normalised here, once each, in the type that the model computes in. A preprocessor
    that needs whole clips gets them unchanged.
    """
    if not normalises_frames(model):
        return FramePreparer(steps, None, None, torch.uint8)
    preprocessor = model.data_preprocessor
    if not preprocessor._enable_normalize:
        return FramePreparer(steps, None, None, dtype)
    mean, std = preprocessor.mean.flatten().tolist(), preprocessor.std.flatten().tolist()
    return FramePreparer(steps, mean, std, dtype)
