"""Strips of frames for the report: what a class looks like to the sampler, and what a problem is.

Which frames are shown is part of the summary; only the pictures are decoded here, each clip in a
child process, since some of them are shown because they are broken.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from data_analysis.inputs.sampler import SamplerSettings, sample_indices
from data_analysis.measuring.clip_table import by_class
from data_analysis.measuring.worker_pool import Workers, run_in_processes
from video_clips.reading.remote import local_copy
from video_clips.reading.video import VideoError, open_video

_PICTURE_HEIGHT = 112
_JPEG_QUALITY = 72
MOST_CLASSES = 24
_EXAMPLES_OF_A_PROBLEM = 2
_NUM_EVEN_FRAMES = 6
_MOST_OF_A_CLASS, _MOST_IN_GALLERY = 6, 48
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Strip:
    """Some frames of one clip.

    Attributes:
        kind: `class`, `problem`, or `gallery` for one frame each of several clips.
        key: The class name or the problem's code.
        path: The clip, as annotated.
        file: The clip, as opened.
        frames: Frame numbers in the file, in the order shown.
        start_frame: Where the clip starts in the file.
    """

    kind: str
    key: str
    path: str
    file: str
    frames: tuple[int, ...]
    start_frame: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `summary.json`."""
        return {**self.__dict__, 'frames': list(self.frames)}


def choose_strips(
    clips: pd.DataFrame,
    problems: pd.DataFrame,
    classes: Sequence[str],
    sampler: SamplerSettings,
) -> list[Strip]:
    """Chooses a clip of median length for each class, and the first examples of each problem.

    No more than `MOST_CLASSES` classes are shown.
    """
    readable = clips[(clips['num_frames'] > 0) & (clips['status'] == 'ok')]
    strips = []
    named = by_class(readable)
    for name in classes[:MOST_CLASSES]:
        of_class = named[named['label'] == name].sort_values(['num_frames', 'path'])
        if len(of_class):
            clip = of_class.iloc[len(of_class) // 2]
            strips.append(_strip('class', name, clip, _sampled(clip, sampler)))
    by_file = readable.drop_duplicates('file').set_index('file', drop=False)
    for code, found in problems.groupby('code', sort=False):
        examples = found[found['file'].isin(by_file.index)].head(_EXAMPLES_OF_A_PROBLEM)
        for problem in examples.itertuples():
            for file in (problem.file, problem.related_file):
                if file in by_file.index:
                    clip = by_file.loc[file]
                    strips.append(_strip('problem', code, clip, _telling(code, clip, sampler)))
    return strips


def choose_gallery(clips: pd.DataFrame, classes: Sequence[str]) -> list[Strip]:
    """Choose the middle frame of clips spread over each class that has several."""
    named = by_class(clips[(clips['num_frames'] > 0) & (clips['status'] == 'ok')])
    classes = classes[:MOST_CLASSES]
    most = max(3, min(_MOST_OF_A_CLASS, _MOST_IN_GALLERY // max(1, len(classes))))
    strips = []
    for name in classes:
        of_class = named[named['label'] == name].sort_values('path')
        if len(of_class) < 2:
            continue
        places = np.linspace(0, len(of_class) - 1, min(len(of_class), most)).round().astype(int)
        for place in places:
            clip = of_class.iloc[place]
            middle = np.array([int(clip['num_frames']) // 2])
            strips.append(_strip('gallery', name, clip, middle))
    return strips


def _strip(kind: str, key: str, clip: pd.Series, frames: np.ndarray) -> Strip:
    start = 0
    if clip['start_seconds'] > 0 and clip['fps'] > 0:
        late_by = np.nan_to_num(clip.get('first_frame_seconds', 0.0))
        start = max(0, round((clip['start_seconds'] - late_by) * clip['fps']))
    numbers = tuple(int(frame) + start for frame in frames)
    return Strip(kind, key, clip['path'], clip['file'], numbers, start)


def _sampled(clip: pd.Series, sampler: SamplerSettings) -> np.ndarray:
    return sample_indices(sampler, int(clip['num_frames']), clip['fps'])[:16]


def _telling(code: str, clip: pd.Series, sampler: SamplerSettings) -> np.ndarray:
    """The frames that show a problem best."""
    num_frames = int(clip['num_frames'])
    if code == 'too_short':
        return _sampled(clip, sampler)
    even = np.linspace(0, num_frames - 1, min(num_frames, _NUM_EVEN_FRAMES)).round().astype(int)
    if code == 'odd_first_frame':
        return np.unique([0, 1, 2, *even[1:]])[:_NUM_EVEN_FRAMES]
    return even


@dataclass(frozen=True)
class DecodedStrip:
    """A strip with its pictures.

    Attributes:
        strip: What was asked for, as it stands in the summary.
        pictures: JPEG files in base64, one a frame; empty if they could not be decoded.
        size: Width and height of a picture.
        reason: Why there are none.
    """

    strip: dict[str, Any]
    pictures: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    reason: str = ''


def decode_strips(
    strips: Iterable[dict[str, Any]],
    num_workers: int = 1,
    opened: Mapping[str, str] = MappingProxyType({}),
) -> list[DecodedStrip]:
    """Decode strips, in child processes if `num_workers` is not 0, and keep their order.

    Args:
        strips: As in the summary.
        num_workers: Child processes.
        opened: The file to open by the name that is shown, where they differ.
    """
    wanted = list(strips)
    decoded: dict[int, DecodedStrip] = {}
    for outcome in run_in_processes(
        _decode,
        (
            (index, opened.get(strip['file'], strip['file']), strip['frames'])
            for index, strip in enumerate(wanted)
        ),
        Workers(num_workers if wanted else 0, _TIMEOUT_SECONDS),
    ):
        index = outcome.item[0]
        if outcome.failure is None:
            decoded[index] = DecodedStrip(wanted[index], *outcome.value)
        else:
            decoded[index] = DecodedStrip(wanted[index], reason=outcome.reason)
    return [decoded[index] for index in range(len(wanted))]


def _decode(request: tuple[int, str, list[int]]) -> tuple[tuple[str, ...], tuple[int, int], str]:
    _, file, frames = request
    try:
        with local_copy(file) as local, open_video(local, allow_truncated=True) as video:
            last = video.num_frames - 1
            pictures = video.decode([min(frame, last) for frame in frames], _PICTURE_HEIGHT)
    except VideoError as error:
        return (), (0, 0), error.reason
    height, width = pictures.shape[1:3]
    return tuple(map(_jpeg, pictures)), (width, height), ''


def _jpeg(picture: np.ndarray) -> str:
    """A picture (H, W, 3) as a JPEG file of the strip's height, in base64."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.height > _PICTURE_HEIGHT:
        image = image.resize((image.width * _PICTURE_HEIGHT // image.height, _PICTURE_HEIGHT))
    stream = io.BytesIO()
    image.save(stream, 'JPEG', quality=_JPEG_QUALITY)
    return base64.b64encode(stream.getvalue()).decode('ascii')
