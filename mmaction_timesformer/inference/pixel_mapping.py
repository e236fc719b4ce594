"""Where in the video every pixel of a model's input comes from.

The pipeline is not interpreted but asked: after decoding, its transforms run a second time on
pictures whose colours are coordinates (column, row, number of the frame). What arrives at the
model then says where it came from, whatever resized, cropped or flipped it and in whatever order
the views stand.

Legend: V views of a video (temporal clips x crops), T frames of a view, H/W pixels, h/w patch rows
and columns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

Pipeline = Sequence[Callable[[dict], dict]]

LARGEST_ERROR = 1.5
"""Pixels of the decoded picture by which a coordinate may miss a straight line."""


@dataclass(frozen=True)
class View:
    """One view of a video and where it lies.

    Attributes:
        frames: (T,) numbers of the frames in the video file.
        left: Left edge in the picture, as a fraction of its width.
        top: Top edge, as a fraction of its height.
        right: Right edge; less than ``left`` if the view is mirrored.
        bottom: Bottom edge.
    """

    frames: np.ndarray
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class TracedClip:
    """A video as a model gets it, and as it lies in the file.

    Attributes:
        inputs: (V, channels, T, H, W), what the pipeline makes of the video.
        data_sample: The pipeline's data sample.
        views: V views.
        frame_numbers: Numbers of the frames that occur, sorted.
        pictures: (F, H0, W0, 3) uint8 RGB, the decoded pictures of these frames.
        frames_per_second: Of the video; None where the pipeline does not tell.
    """

    inputs: Tensor
    data_sample: Any
    views: tuple[View, ...]
    frame_numbers: np.ndarray
    pictures: np.ndarray
    frames_per_second: float | None = None


def trace(pipeline: Pipeline, video: dict[str, Any]) -> TracedClip:
    """Run a test pipeline on a video, and find where its output lies.

    Args:
        pipeline: Transforms that end in ``PackActionInputs`` with ``FormatShape('NCTHW')``.
        video: What a dataset hands to the pipeline: ``filename``, ``label``, ``start_index``, ...

    Raises:
        ValueError: The pipeline does more than choosing frames, resizing, cropping and flipping.
    """
    results = dict(video)
    transforms = iter(pipeline)
    while 'imgs' not in results:
        transform = next(transforms, None)
        if transform is None:
            raise ValueError('the pipeline decodes no pictures (no transform adds imgs)')
        results = transform(results)
    decoded = [np.asarray(picture) for picture in results['imgs']]
    numbers = np.asarray(results['frame_inds']).reshape(-1)
    fps = results.get('avg_fps') or results.get('fps')
    traced = _with_coordinates(results)
    rest = list(transforms)
    for transform in rest:
        results = transform(results)
    try:
        for transform in rest:
            traced = transform(traced)
    # Any transform may stumble over pictures that are not 8-bit.
    except Exception as error:
        name = type(transform).__name__
        raise ValueError(f'cannot follow pixels through {name} of the pipeline: {error}') from error
    inputs, coordinates = results['inputs'], traced['inputs'].numpy()
    if inputs.dim() != 5 or inputs.shape != coordinates.shape:
        raise ValueError(
            f'the pipeline makes inputs of shape {tuple(inputs.shape)}, not (views, channels, '
            "frames, height, width); end it with FormatShape(input_format='NCTHW')"
        )
    size = decoded[0].shape[:2]
    views = tuple(_locate(view, numbers, size) for view in coordinates)
    kept, first = np.unique(numbers, return_index=True)
    pictures = np.stack([decoded[place] for place in first])
    return TracedClip(inputs, results['data_samples'], views, kept, pictures, fps)


def _with_coordinates(results: dict[str, Any]) -> dict[str, Any]:
    """A copy of a pipeline's state whose pictures hold (column, row, place among the pictures)."""
    pictures = results['imgs']
    others = {key: value for key, value in results.items() if key not in ('imgs', 'video_reader')}
    height, width = pictures[0].shape[:2]
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return {
        **copy.deepcopy(others),
        'imgs': [
            np.stack((columns, rows, np.full_like(columns, place)), axis=-1).astype(np.float32)
            for place in range(len(pictures))
        ],
    }


def _locate(coordinates: np.ndarray, numbers: np.ndarray, size: tuple[int, int]) -> View:
    """Read a view's place from its coordinates (3, T, H, W)."""
    columns, rows, places = coordinates.astype(float)
    order = places.mean(axis=(1, 2)).round().astype(int)
    if np.ptp(places, axis=(1, 2)).max() > 0.01:
        raise ValueError('the pipeline mixes frames, so pixels cannot be followed')
    left, right = _edges(columns, axis=2, length=size[1])
    top, bottom = _edges(rows, axis=1, length=size[0])
    return View(numbers[order], left, top, right, bottom)


def _edges(values: np.ndarray, axis: int, length: int) -> tuple[float, float]:
    """Where an axis of a view starts and ends in the picture, as fractions of ``length``.

    Coordinates are of pixel centres. Near the picture's border, interpolation repeats the last
    pixel, so the line is fitted to the middle.
    """
    others = tuple(other for other in range(3) if other != axis)
    line = values.mean(axis=others)
    num_pixels = len(line)
    margin = num_pixels // 8
    inner = np.arange(margin, num_pixels - margin)
    slope, offset = np.polyfit(inner, line[inner], 1) if len(inner) > 1 else (1.0, line[0])
    spread = np.abs(values - np.expand_dims(line, others)).max()
    bend = np.abs(offset + slope * inner - line[inner]).max()
    if max(spread, bend) > LARGEST_ERROR:
        raise ValueError(
            'the pipeline does more than resizing, cropping and flipping, so pixels cannot be '
            'followed'
        )
    first, last = offset - 0.5 * slope, offset + (num_pixels - 0.5) * slope
    return (first + 0.5) / length, (last + 0.5) / length


class PixelMaps:
    """Maps of a model's views as maps of the video's own pictures.

    Where several views show a place, their mean counts; what no view shows has no value.

    Args:
        views: V views.
        maps: (V, T, h, w), one value a patch.
    """

    def __init__(self, views: Sequence[View], maps: Tensor | np.ndarray) -> None:
        maps = maps.numpy() if isinstance(maps, torch.Tensor) else maps
        assert len(views) == len(maps)
        self._shown: dict[int, list[tuple[View, np.ndarray]]] = {}
        for view, frames in zip(views, maps, strict=True):
            for number, map_ in zip(view.frames.tolist(), frames, strict=True):
                self._shown.setdefault(number, []).append((view, map_.astype(np.float32)))
        self.frame_numbers = np.array(sorted(self._shown))

    def at(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """The map of a frame that the model saw, (H, W); NaN where no view lies.

        Args:
            frame: Its number in the file.
            size: (H, W) wanted.
        """
        total, views = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for view, map_ in self._shown[frame]:
            placed, inside = _place(view, map_, size)
            total += np.where(inside, placed, 0)
            views += inside
        with np.errstate(invalid='ignore'):
            return total / np.where(views, views, np.nan)

    def between(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """The map of any frame: between two that the model saw, their mix."""
        after = int(np.searchsorted(self.frame_numbers, frame))
        if after < len(self.frame_numbers) and self.frame_numbers[after] == frame:
            return self.at(frame, size)
        if after in (0, len(self.frame_numbers)):
            return self.at(int(self.frame_numbers[min(after, len(self.frame_numbers) - 1)]), size)
        first, second = self.frame_numbers[after - 1 : after + 1].tolist()
        share = (frame - first) / (second - first)
        return (1 - share) * self.at(first, size) + share * self.at(second, size)


def _place(view: View, map_: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A view's map (h, w) laid into a picture: values (H, W), and where the view lies."""
    height, width = size
    columns = ((np.arange(width) + 0.5) / width - view.left) / (view.right - view.left)
    rows = ((np.arange(height) + 0.5) / height - view.top) / (view.bottom - view.top)
    inside = ((rows >= 0) & (rows <= 1))[:, None] & ((columns >= 0) & (columns <= 1))
    x, y = np.meshgrid(columns * map_.shape[1] - 0.5, rows * map_.shape[0] - 0.5)
    placed = cv2.remap(
        map_,
        x.astype(np.float32),
        y.astype(np.float32),
        interpolation=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return placed, inside
