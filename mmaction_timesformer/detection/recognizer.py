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
from mmaction.models.recognizers import Recognizer3D
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmaction_timesformer.engine.optimizers.auto_amp import best_amp_dtype
from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.registry import DATASETS, MODELS


class RecognizerScore:
    """A trained recognizer.

    Args:
        model: In evaluation mode, on its device.
        dtype: Type to compute in; the parameters are cast to it.
        temperature: What logits are divided by.
    """

    def __init__(self, model: Recognizer3D, dtype: torch.dtype, temperature: float = 1.0) -> None:
        self.model = model.to(dtype)
        self.dtype = dtype
        self.temperature = temperature
        self._device = next(model.parameters()).device
        self._multi_label = bool(getattr(model.cls_head, 'multi_class', False))

    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to probabilities (B, K)."""
        clips = clips.to(self._device, self.dtype, non_blocking=True)
        logits, _ = self.model.extract_feat(clips.unsqueeze(1), stage='head')
        logits = logits.float() / self.temperature
        return logits.sigmoid() if self._multi_label else logits.softmax(dim=1)


def choose_dtype(name: str, device: str) -> torch.dtype:
    """The type that a name stands for on a device; ``auto`` is what the device is made for."""
    if name == 'auto':
        return best_amp_dtype(torch.device(device).type) or torch.float32
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def build_recognizer(config: Config, state_dict: Mapping[str, Any], device: str) -> Recognizer3D:
    """Build a config's model and load its weights.

    Raises:
        ValueError: The model does not take clips, or the weights are not its own.
    """
    init_default_scope(config.get('default_scope', 'mmaction'))
    model_config = config.model.to_dict()
    # The checkpoint has all weights; those to start training from need not be there.
    for part in (model_config, model_config.get('backbone') or {}):
        part.pop('init_cfg', None)
        if 'pretrained' in part:
            part['pretrained'] = None
    model = MODELS.build(model_config)
    if not isinstance(model, Recognizer3D):
        raise ValueError(
            f'the config builds a {type(model).__name__}; detection needs a Recognizer3D, which '
            'takes clips as (batch, channels, frames, height, width)'
        )
    try:
        model.load_state_dict(state_dict)
    except RuntimeError as error:
        raise ValueError(f'the checkpoint does not fit the config: {error}') from None
    return model.to(device).eval()


def read_weights(checkpoint: str | Path) -> tuple[Mapping[str, Any], Mapping[str, Any], str]:
    """Read a checkpoint.

    Returns:
        The parameters, what training has written beside them, and the file's SHA-256.
    """
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
        ValueError: None of them says, or says another number than the model has.
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
    return tuple(names)


def make_fingerprint(weights_digest: str, *settings: object) -> str:
    """A short name that changes with the weights and with what turns scores into events."""
    text = json.dumps(settings, default=str, sort_keys=True)
    return f'{weights_digest[:8]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}'


def normalisation(config: Config) -> tuple[Sequence[float] | None, Sequence[float] | None]:
    """Mean and standard deviation of the config's data preprocessor.

    Raises:
        ValueError: It swaps the channels, which frames here do not need.
    """
    preprocessor = config.model.get('data_preprocessor') or config.get('data_preprocessor') or {}
    if preprocessor.get('to_rgb'):
        raise ValueError('data_preprocessor.to_rgb must be off: frames are RGB already')
    return preprocessor.get('mean'), preprocessor.get('std')
