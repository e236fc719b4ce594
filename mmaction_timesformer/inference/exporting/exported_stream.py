"""Exporting the step of a stream to ONNX, and running it.

Legend: n frames, F horizons, K classes, H/W pixels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmaction_timesformer.inference.exporting.exported_model import open_session
from mmaction_timesformer.inference.exporting.metadata import is_list_of, is_positive
from mmaction_timesformer.inference.exporting.stream_step import INPUTS, OUTPUTS, StreamStep
from mmaction_timesformer.inference.exporting.verification import TOLERANCE, DisagreementError
from mmaction_timesformer.inference.online_model import LoadedOnlineModel, load_online
from video_clips.labels import check_class_names
from video_clips.plain_data import parse_json
from video_clips.whole_files import folder_beside

KEY = 'mmaction_timesformer_stream'
CHECKED_FRAMES = 48
MAX_STATE_NUMBERS = 2**28
"""Of one stream; the largest models here keep a few million."""


@dataclass(frozen=True)
class StreamMetadata:
    """Facts that a program needs to feed the step of a stream.

    Attributes:
        classes: Names of the K classes.
        horizons: Seconds from the present of the F further rows.
        frame_seconds: Distance of frames.
        image_size: (H, W) of a picture.
        weights_digest: SHA-256 of the checkpoint.
        state: Shapes of the state's tensors by name; a stream begins with zeros.
    """

    classes: tuple[str, ...]
    horizons: tuple[float, ...]
    frame_seconds: float
    image_size: tuple[int, int]
    weights_digest: str
    state: Mapping[str, Sequence[int]]

    @classmethod
    def from_strings(cls, strings: Mapping[str, str], name: object) -> StreamMetadata:
        """Out of the metadata of a file called ``name``.

        Raises:
            ValueError: It holds no step of a stream, or that of another version.
        """
        try:
            values = parse_json(strings.get(KEY, '{}'))
        except ValueError as error:
            raise ValueError(f'the metadata of {name} are not JSON: {error}') from None
        is_known = isinstance(values, dict) and values.keys() == _FITS.keys()
        if not is_known or not all(fits(values[key]) for key, fits in _FITS.items()):
            raise ValueError(
                f'{name} holds no step of a stream that this version wrote: export the online '
                'model again with tools/export.py'
            )
        for key in ('classes', 'horizons', 'image_size'):
            values[key] = tuple(values[key])
        try:
            check_class_names(values['classes'])
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
        return cls(**values)


_FITS: dict[str, Callable[[Any], bool]] = {
    'classes': lambda value: is_list_of(str, value) and bool(value),
    'horizons': lambda value: is_list_of(int | float, value) and all(map(math.isfinite, value)),
    'frame_seconds': is_positive,
    'image_size': lambda value: is_list_of(int, value) and len(value) == 2,
    'weights_digest': lambda value: isinstance(value, str),
    'state': lambda value: (
        isinstance(value, dict)
        and all(is_list_of(int, shape) and min(shape, default=0) >= 0 for shape in value.values())
        and sum(map(math.prod, value.values())) <= MAX_STATE_NUMBERS
    ),
}
"""Whether the value of a field is what an export writes."""


class ExportedStream:
    """The step of an ONNX file, with the methods of a model of streams.

    Args:
        file: Written by ``tools/export.py``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or of another origin.
        ImportError: The runtime is not installed.
    """

    def __init__(self, file: str | Path) -> None:
        self._session = open_session(Path(file), 'cpu', OUTPUTS)
        strings = self._session.get_modelmeta().custom_metadata_map
        self.metadata = StreamMetadata.from_strings(strings, file)

    def begin(self) -> dict[str, np.ndarray]:
        """The state before the first frame."""
        return {
            name: np.zeros(shape, np.int64 if name == 'count' else np.float32)
            for name, shape in self.metadata.state.items()
        }

    def step(
        self, pictures: Tensor, state: Any, seconds: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Pictures (3, n, H, W) at seconds (n,) to probabilities (n, 1 + F, K), and the state."""
        if tuple(pictures.shape[2:]) != self.metadata.image_size:
            raise ValueError(
                f'the step was exported for pictures of {self.metadata.image_size} pixels, not '
                f'{tuple(pictures.shape[2:])}'
            )
        if seconds is None:
            first = float(state['count'][0])
            seconds = (first + torch.arange(pictures.shape[1])) * self.metadata.frame_seconds
        rows = []
        for picture, moment in zip(pictures.unbind(1), seconds.double(), strict=True):
            given = {
                'picture': picture.round().to(torch.uint8).numpy(),
                'seconds': moment[None].numpy(),
                **state,
            }
            probabilities, *new = self._session.run(list(OUTPUTS), given)
            state = dict(zip(INPUTS[2:], new, strict=True))
            rows.append(torch.from_numpy(probabilities))
        return torch.stack(rows), state


def export_stream(config: Config, checkpoint: str | Path, target: Path) -> str:
    """Write the step of an online model as ONNX; the file appears only if it agrees.

    Args:
        config: Of an ``OnlineRecognizer``.
        checkpoint: Its weights.
        target: The file.

    Raises:
        FileNotFoundError: The checkpoint is missing.
        ValueError: It does not fit, or the head cannot be exported.
        DisagreementError: The file differs from the model.
    """
    from mmaction_timesformer.inference.exporting.onnx_file import write_step

    loaded = load_online(config, checkpoint)
    height, width = loaded.prepare(np.zeros((480, 720, 3), np.uint8)).shape[-2:]
    step = StreamStep(loaded.model, (height, width))
    state = step.begin()
    metadata = StreamMetadata(
        loaded.classes,
        loaded.model.horizons,
        loaded.model.frame_seconds,
        (height, width),
        loaded.digest,
        {name: list(value.shape) for name, value in zip(INPUTS[2:], state, strict=True)},
    )
    example = (
        torch.zeros(3, height, width, dtype=torch.uint8),
        torch.zeros(1, dtype=torch.float64),
        *state,
    )
    with torch.no_grad():
        step(*example)
        program = torch.export.export(step, example, strict=False)
    with folder_beside(target) as folder:
        file = folder / 'step.onnx'
        write_step(program, file, (INPUTS, OUTPUTS), {KEY: json.dumps(asdict(metadata))})
        worst = _verify(ExportedStream(file), loaded)
        file.replace(target)
    return (
        f'{target} ({target.stat().st_size / 1e6:.1f} MB): differs by {worst:.1g} at most over '
        f'{CHECKED_FRAMES} frames of a stream'
    )


@torch.inference_mode()
def _verify(exported: ExportedStream, loaded: LoadedOnlineModel) -> float:
    """The largest difference of probabilities over a stream of noise.

    Raises:
        DisagreementError: It is above the tolerance.
    """
    generator = torch.Generator().manual_seed(0)
    size = (3, CHECKED_FRAMES, *exported.metadata.image_size)
    pictures = torch.randint(0, 256, size, generator=generator).float()
    found, _ = exported.step(pictures, exported.begin())
    expected, _ = loaded.model.step(pictures, loaded.model.begin())
    worst = float((found - expected).abs().max())
    if not worst <= TOLERANCE:
        raise DisagreementError(
            f'the exported step differs from its source by {worst:.2g}; {TOLERANCE:g} is allowed'
        )
    return worst
