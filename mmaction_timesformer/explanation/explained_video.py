"""A video, why a model decided on it as it did, and both laid over each other.

Legend: V views, T frames of a view, h/w patch rows and columns, F frames that the model saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mmaction_timesformer.explanation.explanation import Explanation, class_log_odds
from mmaction_timesformer.explanation.faithfulness import FaithfulnessCurves, faithfulness_curves
from mmaction_timesformer.explanation.pictures import common_scale, overlay
from mmaction_timesformer.inference.pixel_mapping import PixelMaps, TracedClip

MAPS = ('relevance', 'rollout')
SCALE_HEIGHT = 180
"""Rows on which the common scale of all frames is measured."""


@dataclass(frozen=True)
class ExplainedVideo:
    """A video, its explanation, and both laid over each other.

    Attributes:
        clip: The video as the model got it.
        explanation: Its maps.
        shown: Which map is drawn, ``relevance`` or ``rollout``.
    """

    clip: TracedClip
    explanation: Explanation
    shown: str = 'relevance'

    @property
    def map(self) -> torch.Tensor:
        """(V, T, h, w), the map that is drawn."""
        return getattr(self.explanation, self.shown)

    @cached_property
    def pixel_maps(self) -> PixelMaps:
        """The map on the video's pixels."""
        return PixelMaps(self.clip.views, self.map)

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Values from which on a pixel glows, and at which fully; the same in all frames."""
        height, width = self.clip.pictures.shape[1:3]
        size = (SCALE_HEIGHT, max(1, round(SCALE_HEIGHT * width / height)))
        return common_scale([self.pixel_maps.at(int(n), size) for n in self.clip.frame_numbers])

    @cached_property
    def frame_importance(self) -> np.ndarray:
        """(F,) share of the map that falls on each frame."""
        total = dict.fromkeys(self.clip.frame_numbers.tolist(), 0.0)
        for view, map_ in zip(self.clip.views, self.map, strict=True):
            for number, value in zip(view.frames.tolist(), map_.sum(dim=(1, 2)), strict=True):
                total[number] += float(value)
        values = np.array(list(total.values()))
        return values / max(values.sum(), np.finfo(float).tiny)

    def seconds(self, frames: np.ndarray) -> np.ndarray:
        """When frames are shown, as far as the frame rate tells; else their numbers."""
        return frames / (self.clip.frames_per_second or 1.0)

    def captions(self) -> list[str]:
        """When each frame that the model saw is shown."""
        if self.clip.frames_per_second is None:
            return [f'frame {number}' for number in self.clip.frame_numbers]
        return [f'{second:.2f} s' for second in self.seconds(self.clip.frame_numbers)]

    def overlays(self) -> list[np.ndarray]:
        """F pictures with their maps."""
        return [
            overlay(picture, self.pixel_maps.at(int(number), picture.shape[:2]), self.scale)
            for number, picture in zip(self.clip.frame_numbers, self.clip.pictures, strict=True)
        ]


def check_faithfulness(model: Any, explained: ExplainedVideo) -> FaithfulnessCurves:
    """Deletion and insertion in the middle view, scored by the probability of the class."""
    middle = len(explained.clip.views) // 2
    batch = dict(inputs=[explained.clip.inputs], data_samples=[explained.clip.data_sample])
    view = model.data_preprocessor(batch, False)['inputs'][0, middle]

    def probability(clips: torch.Tensor) -> torch.Tensor:
        return class_log_odds(model, clips, explained.explanation.target).sigmoid()

    return faithfulness_curves(probability, view, explained.map[middle])
