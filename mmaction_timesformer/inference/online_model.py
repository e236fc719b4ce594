"""Building an online model out of a config and a checkpoint.

The config's ``model`` is an ``OnlineRecognizer``; its ``val_pipeline`` samples clips of one frame,
so that it says what happens to a picture; ``classes`` are the names in index order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmaction_timesformer.inference.preparation import FramePreparer, build_part, split_pipeline
from mmaction_timesformer.inference.recognizer import read_weights
from mmaction_timesformer.models.checkpoints import load_weights
from mmaction_timesformer.models.recognizers import OnlineRecognizer
from mmaction_timesformer.registry import MODELS


@dataclass(frozen=True)
class LoadedOnlineModel:
    """A model that takes streams, and what goes with it.

    Attributes:
        model: On its device, in evaluation mode.
        prepare: Makes its input (1, 3, H, W) of a picture, RGB levels.
        classes: Names of the K classes.
        digest: SHA-256 of the checkpoint.
    """

    model: OnlineRecognizer
    prepare: FramePreparer
    classes: tuple[str, ...]
    digest: str

    @property
    def score_names(self) -> tuple[str, ...]:
        """Names of what is scored at each frame: the classes now, then at each horizon."""
        return score_names(self.classes, self.model.horizons)


def is_online(config: Config) -> bool:
    """Whether a config's model takes streams."""
    return str((config.get('model') or {}).get('type')) == 'OnlineRecognizer'


def score_names(classes: Sequence[str], horizons: Sequence[float]) -> tuple[str, ...]:
    """The classes, then each class at each horizon."""
    return tuple(moment_name(name, seconds) for seconds in (0.0, *horizons) for name in classes)


def moment_name(label: str, seconds: float) -> str:
    """The name of a class at a horizon: ``Cabin-Worker in 4 s``, or ``Cabin-Worker 2 s ago``."""
    if not seconds:
        return label
    return f'{label} in {seconds:g} s' if seconds > 0 else f'{label} {-seconds:g} s ago'


def build_online(config: Config) -> OnlineRecognizer:
    """Build the model of a config, with weights at their start.

    Raises:
        ValueError: The config has none, or it cannot be built.
    """
    init_default_scope(config.get('default_scope', 'mmaction'))
    if not is_online(config):
        raise ValueError("the config's model is not an OnlineRecognizer")
    model = build_part(MODELS.build, config.model.to_dict())
    classes = config.get('classes')
    if not classes or len(classes) != model.head.num_classes:
        raise ValueError(
            f'classes={classes} must name the {model.head.num_classes} classes of the head'
        )
    return model


def load_backbone(config: Config, checkpoint: str | Path, device: str = 'cpu') -> OnlineRecognizer:
    """Build the model of a config with a backbone's weights of any known format.

    Args:
        config: Of an ``OnlineRecognizer``.
        checkpoint: Of this model, of a recognizer of clips, or of an image ViT.
        device: Where it runs.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: Nothing of it fits.
    """
    model = build_online(config)
    load_weights(model, checkpoint)
    return model.to(device).eval()


def load_online(
    config: Config, checkpoint: str | Path, device: str = 'cpu', dtype: torch.dtype | None = None
) -> LoadedOnlineModel:
    """Build the model of a config and load its weights.

    Args:
        config: Of an ``OnlineRecognizer``.
        checkpoint: Its weights.
        device: Where it runs.
        dtype: Type to compute in.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It does not fit the config.
    """
    model = build_online(config)
    state_dict, _, digest = read_weights(checkpoint)
    try:
        model.load_state_dict(state_dict)
    except RuntimeError as error:
        raise ValueError(f'{checkpoint} does not fit the config: {error}') from None
    return LoadedOnlineModel(
        model.to(device=device, dtype=dtype).eval(),
        make_picture_preparer(config),
        tuple(config.classes),
        digest,
    )


def make_picture_preparer(config: Config) -> FramePreparer:
    """The config's pipeline applied to a picture, levels left as they are."""
    name = (config.get('detection') or {}).get('pipeline', 'val_pipeline')
    parts = split_pipeline(config[name])
    if parts.num_frames != 1:
        raise ValueError(
            f'{name} samples clips of {parts.num_frames} frames; a stream needs clip_len=1'
        )
    return FramePreparer(parts.picture_steps, None, None, torch.uint8)
