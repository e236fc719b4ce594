"""The shape of a model's input, read from the transforms of its test pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.inference.trained_model import test_dataset

CROPS = {'CenterCrop': 1, 'ThreeCrop': 3, 'TenCrop': 10}


def input_shape(config: Config) -> tuple[int, tuple[int, int, int, int]]:
    """Views of a video and the shape of one, (channels, T, H, W), in a config's test.

    Raises:
        ValueError: The pipeline does not tell.
    """
    pipeline = test_dataset(config)['pipeline']
    frames = _setting(pipeline, 'clip_len')
    clips = _setting(pipeline, 'num_clips') or 1
    size, crops = _picture(pipeline)
    if frames is None or size is None:
        raise ValueError(
            "the config's test pipeline does not tell the shape of its clips: it needs a sampler "
            'with clip_len and a crop or resize to a fixed size'
        )
    return clips * crops, (3, frames, *size)


def _setting(pipeline: Sequence[Mapping[str, Any]], name: str) -> int | None:
    return next((transform[name] for transform in pipeline if name in transform), None)


def _picture(pipeline: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int] | None, int]:
    """The last fixed (H, W) and how many crops are taken."""
    size, crops = None, 1
    for transform in pipeline:
        kind = transform['type']
        if kind in CROPS or kind == 'RandomCrop':
            given = transform.get('crop_size', transform.get('size'))
            size = _height_width(given)
            crops = CROPS.get(kind, 1)
        elif kind == 'Resize' and not transform.get('keep_ratio', True):
            size = _height_width(transform['scale'])
    return size, crops


def _height_width(given: int | Sequence[int]) -> tuple[int, int]:
    """mmaction2 gives sizes as a side or as (width, height)."""
    if isinstance(given, int):
        return given, given
    width, height = given
    return height, width
