"""A picture, treated as the config's pipeline treats the frames of a clip.

Legend: V crops, C channels, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.pictures import SquarePixels

_LAST_STEPS = ('FormatShape', 'PackActionInputs')


@dataclass(frozen=True)
class PipelineParts:
    """Settings of a pipeline for the frames of a clip.

    Attributes:
        num_frames: Frames of a clip.
        frame_interval: Distance of frames in the training clips, in frames, if it says so.
        span_seconds: Time that a clip covers, if it says so.
        picture_steps: The steps between decoding and formatting, which treat each frame alike.
        square_pixels: Which pictures it scales to the shape that a player shows, see `OpenVideo`.
    """

    num_frames: int
    frame_interval: float | None
    span_seconds: float | None
    picture_steps: tuple[Mapping[str, Any], ...]
    square_pixels: SquarePixels = 'gross'


def build_part(build: Callable[[dict[str, Any]], Any], description: Mapping[str, Any]) -> Any:
    """Build a part of a config by its registry's `build`.

    Raises:
        ValueError: It cannot be built.
    """
    try:
        return build(dict(description))
    # The registry passes on whatever a constructor raises.
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.partition('\n')[0]
        raise ValueError(
            f"the config's {description.get('type')} cannot be built: {reason}"
        ) from error


def split_pipeline(pipeline: Sequence[Mapping[str, Any]]) -> PipelineParts:
    """Take a validation or test pipeline apart.

    Raises:
        ValueError: It does not sample clips, does not decode, or does something after formatting.
    """
    types = [str(step['type']).rpartition('.')[2] for step in pipeline]
    samplers = [step for step in pipeline if 'clip_len' in step]
    decoders = [place for place, name in enumerate(types) if 'Decode' in name]
    if len(samplers) != 1 or not decoders:
        raise ValueError(f'the pipeline needs one sampler with clip_len and a decoder: {types}')
    first = decoders[-1] + 1
    last = next((place for place, name in enumerate(types) if name in _LAST_STEPS), len(types))
    if last < first or any(name not in _LAST_STEPS for name in types[last:]):
        raise ValueError(f'the pipeline must decode, treat pictures, then format: {types}')
    sampler = samplers[0]
    # Decord and its like take all pixels as square.
    openers = [step for step, name in zip(pipeline, types, strict=True) if name == 'OpenVideo']
    square_pixels: Any = openers[0].get('square_pixels', 'gross') if openers else 'never'
    # A decoder may scale at once; that is a step of its own here.
    short_side = pipeline[first - 1].get('short_side')
    scaling = [dict(type='Resize', scale=(-1, short_side))] if short_side else []
    return PipelineParts(
        num_frames=int(sampler['clip_len']),
        frame_interval=sampler.get('frame_interval'),
        span_seconds=sampler.get('span_seconds'),
        picture_steps=(*scaling, *pipeline[first:last]),
        square_pixels=square_pixels,
    )


class FramePreparer:
    """Resizes, crops and normalises one picture at a time.

    The steps are the pipeline's own transforms, so the numbers are those of a test run.

    Args:
        steps: Configs of the transforms between decoding and formatting.
        mean: Of each channel, on the scale 0 to 255; None leaves pixels as they are.
        std: Of each channel.
        dtype: Type of the result.
    """

    def __init__(
        self,
        steps: Sequence[Mapping[str, Any]],
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._transforms = [build_part(TRANSFORMS.build, step) for step in steps]
        self._mean = None if mean is None else torch.tensor(mean).reshape(-1, 1, 1)
        self._std = torch.tensor(1.0 if std is None else std).reshape(-1, 1, 1)
        self._dtype = dtype

    def __call__(self, picture: np.ndarray) -> Tensor:
        """Prepare a picture (H, W, 3) uint8, RGB; gives (V, 3, H', W')."""
        results: dict[str, Any] | None = dict(
            imgs=[picture],
            img_shape=picture.shape[:2],
            original_shape=picture.shape[:2],
            modality='RGB',
            num_clips=1,
            clip_len=1,
        )
        for transform in self._transforms:
            assert results is not None
            results = transform(results)
        assert results is not None
        crops = torch.from_numpy(np.stack(results['imgs'])).permute(0, 3, 1, 2)
        if self._mean is not None:
            crops = (crops - self._mean) / self._std
        return crops.contiguous().to(self._dtype)
