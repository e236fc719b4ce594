"""The preprocessing that weights were trained with, and whether a model has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor


@dataclass(frozen=True)
class Preprocessing:
    """How frames become inputs: ``(frame / 255 - mean) / std``.

    Args:
        mean: One number a channel, of pixels in 0..1.
        std: One number a channel, of pixels in 0..1.
        channel_order: ``rgb`` or ``bgr``.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str = 'rgb'

    def __str__(self) -> str:
        channels = self.channel_order.upper()
        if not any(self.mean) and all(math.isclose(std, 1 / 255, rel_tol=1e-3) for std in self.std):
            return f'{channels} in 0..255 as it is'
        return f'mean {_numbers(self.mean)} and std {_numbers(self.std)} of {channels} in 0..1'


TIMESFORMER = Preprocessing((0.45,) * 3, (0.225,) * 3)
HALF = Preprocessing((0.5,) * 3, (0.5,) * 3)
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def read_preprocessing(data_preprocessor: Any) -> Preprocessing | None:
    """What an ``ActionDataPreprocessor`` does to frames in RGB.

    mmaction2's pipelines, and this project's, give RGB. ``to_rgb=True`` turns that into BGR.

    Returns:
        ``None`` for a preprocessor that does something else, or for none.
    """
    if (
        getattr(type(data_preprocessor), 'preprocess', None)
        is not ActionDataPreprocessor.preprocess
    ):
        return None
    mean, std = torch.zeros(3), torch.ones(3)
    if data_preprocessor._enable_normalize:
        mean, std = data_preprocessor.mean.flatten(), data_preprocessor.std.flatten()
    order = 'bgr' if data_preprocessor.to_rgb else 'rgb'
    return Preprocessing(tuple((mean / 255).tolist()), tuple((std / 255).tolist()), order)


def agree(first: Preprocessing, second: Preprocessing, tolerance: float = 1e-3) -> bool:
    """Whether two preprocessings do the same; of other channels than these, nothing is known."""
    if len(first.mean) != len(second.mean):
        return True
    numbers = zip(first.mean + first.std, second.mean + second.std, strict=True)
    close = all(abs(one - other) <= tolerance for one, other in numbers)
    return close and first.channel_order == second.channel_order


def _numbers(values: Sequence[float]) -> str:
    texts = [f'{value:.3g}' for value in values]
    return texts[0] if len(set(texts)) == 1 else f'({", ".join(texts)})'
