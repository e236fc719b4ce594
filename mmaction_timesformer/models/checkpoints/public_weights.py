"""Published weights: where they are, and the preprocessing that they were trained with.

The table itself is ``public_weights.json``. Its accuracies are those the publishers report; the
files could not be downloaded where it was made, so formats are tested with random weights instead.
Of the 64-frame HowTo100M file, the publishers' table says 448 pixels; its name and the paper 224.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor


@dataclass(frozen=True)
class Preprocessing:
    """Turn frames into inputs by ``(frame / 255 - mean) / std``.

    Args:
        mean: One number per channel, for pixels in 0..1.
        std: One number per channel, for pixels in 0..1.
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
_PREPROCESSINGS = {'timesformer': TIMESFORMER, 'half': HALF, 'imagenet': IMAGENET}


def read_preprocessing(data_preprocessor: Any) -> Preprocessing | None:
    """Describe the work of an ``ActionDataPreprocessor`` on RGB frames.

    The pipelines of mmaction2 and of this project give RGB. ``to_rgb=True`` turns that into BGR.

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
    """Compare two preprocessings; those of different numbers of channels are not compared."""
    if len(first.mean) != len(second.mean):
        return True
    numbers = zip(first.mean + first.std, second.mean + second.std, strict=True)
    close = all(abs(one - other) <= tolerance for one, other in numbers)
    return close and first.channel_order == second.channel_order


def _numbers(values: Sequence[float]) -> str:
    texts = [f'{value:.3g}' for value in values]
    return texts[0] if len(set(texts)) == 1 else f'({", ".join(texts)})'


@dataclass(frozen=True)
class PublicWeights:
    """A published file of weights.

    Args:
        name: Short name.
        family: Format of the file.
        scheme: Attention scheme; ``image`` for image ViTs.
        num_frames: Frames of a clip.
        frame_interval: Frames from one to the next; 0 where they are spread over the whole video.
        img_size: Pixels of a side.
        dataset: Data set of the accuracy, or else of the training.
        url: Address of the file.
        preprocessing: Preprocessing that the weights expect.
        license: Terms of the weights.
        top1: Reported top-1 accuracy in percent.
        sha256: Beginning of the file's hash, where the publisher gives it.
        checked: Whether this project has loaded the file itself and measured its accuracy.
    """

    name: str
    family: str
    scheme: str
    num_frames: int
    frame_interval: int
    img_size: int
    dataset: str
    url: str
    preprocessing: Preprocessing
    license: str
    top1: float | None = None
    sha256: str = ''
    checked: bool = False

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return Path(urlsplit(self.url).path).name


def _read_table() -> tuple[PublicWeights, ...]:
    text = Path(__file__).with_suffix('.json').read_text(encoding='utf-8')
    return tuple(
        PublicWeights(**{**row, 'preprocessing': _PREPROCESSINGS[row['preprocessing']]})
        for row in json.loads(text)
    )


PUBLIC_WEIGHTS = _read_table()


def find_public_weights(source: str) -> PublicWeights | None:
    """Find the entry of a file or URL: by its address, or by a file name that one entry has."""
    address = source.partition('?')[0]
    for weights in PUBLIC_WEIGHTS:
        if address and weights.url.partition('?')[0] == address:
            return weights
    name = Path(address).name
    for weights in PUBLIC_WEIGHTS:
        if name == cached_name(weights.url):
            return weights
    named = [weights for weights in PUBLIC_WEIGHTS if name and weights.file_name == name]
    return named[0] if len(named) == 1 else None


def cached_name(url: str) -> str:
    """Name the copy of a download; no part of the address's query is in it."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:10]
    return f'{digest}-{Path(urlsplit(url).path).name}'


def markdown_table() -> str:
    """Render all public weights as a Markdown table."""
    header = (
        'Weights',
        'Format',
        'Scheme',
        'Clip',
        'Pixels',
        'Data set',
        'Mean / std',
        'Top-1',
        'License',
        'Checked here',
    )
    rows = [header, ('---',) * len(header)]
    rows += [_row(weights) for weights in PUBLIC_WEIGHTS]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _row(weights: PublicWeights) -> tuple[str, ...]:
    mean, std = weights.preprocessing.mean, weights.preprocessing.std
    clip = f'{weights.num_frames}x{weights.frame_interval}'
    if not weights.frame_interval:
        clip = 'image' if weights.scheme == 'image' else f'{weights.num_frames} spread'
    return (
        f'[{weights.name}]({weights.url})',
        weights.family,
        weights.scheme,
        clip,
        str(weights.img_size),
        weights.dataset,
        'ImageNet' if weights.preprocessing == IMAGENET else f'{mean[0]} / {std[0]}',
        '' if weights.top1 is None else str(weights.top1),
        weights.license,
        'yes' if weights.checked else 'no',
    )
