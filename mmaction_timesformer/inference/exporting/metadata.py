"""Metadata of an exported file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from video_clips.labels import check_class_names
from video_clips.plain_data import parse_json

KEY = 'mmaction_timesformer'
"""The entry of a file's own metadata that holds all of this, as JSON."""


@dataclass(frozen=True)
class ExportMetadata:
    """All that a program needs in order to feed the model and to read its answer.

    Attributes:
        classes: Names, in the order of the outputs.
        num_frames: Frames of a clip.
        frame_interval: Distance of a training clip's frames, in frames; None if it varies.
        span_seconds: Time that a clip covers, if training says so.
        image_size: (height, width) of a frame.
        picture_steps: What the config's pipeline does to each RGB picture before the model.
        multi_label: Whether probabilities are sigmoids, each for itself, and no softmax.
        temperature: What logits were divided by on the way to probabilities.
        weights_digest: SHA-256 of the checkpoint.
        precision: ``float32`` or ``int8``.
        device: What a compiled package was compiled for; ``any`` for ONNX.
        pixels: What goes in.
        outputs: What comes out.
    """

    classes: tuple[str, ...]
    num_frames: int
    frame_interval: float | None
    span_seconds: float | None
    image_size: tuple[int, int]
    picture_steps: tuple[Mapping[str, Any], ...]
    multi_label: bool
    temperature: float
    weights_digest: str
    precision: str = 'float32'
    device: str = 'any'
    pixels: str = 'clips: uint8 RGB, (batch, 3, frames, height, width), 0 to 255'
    outputs: str = 'probabilities (calibrated) and logits: float32, (batch, classes)'

    def to_strings(self) -> dict[str, str]:
        """As a file's metadata, which are strings."""
        return {KEY: json.dumps(asdict(self))}

    @classmethod
    def from_strings(cls, strings: Mapping[str, str], name: object) -> ExportMetadata:
        """Out of the metadata of a file called ``name``.

        Raises:
            ValueError: The file was not made by ``tools/export.py``, or by a newer one.
        """
        if KEY not in strings:
            raise ValueError(f'{name} was not written by tools/export.py: it has no {KEY} entry')
        try:
            values = parse_json(strings[KEY])
        except (ValueError, TypeError) as error:
            raise ValueError(f'the metadata of {name} are not JSON: {error}') from None
        if not isinstance(values, dict):
            raise ValueError(f'the metadata of {name} are a {type(values).__name__}, not an object')
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            raise ValueError(
                f'{name} was exported by another version: its metadata differ in '
                f'{sorted(set(values) ^ known)}; export it again'
            )
        wrong = [key for key, value in values.items() if not _FITS[key](value)]
        if wrong:
            shown = ', '.join(f'{key}={values[key]!r:.60}' for key in wrong)
            raise ValueError(f'{name} was not written by tools/export.py: {shown} in its metadata')
        for key in ('classes', 'image_size', 'picture_steps'):
            values[key] = tuple(values[key])
        try:
            check_class_names(values['classes'])
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
        return cls(**values)

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """(channels, frames, height, width)."""
        return 3, self.num_frames, *self.image_size


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value <= _MAX_COUNT


def is_positive(value: Any) -> bool:
    """Tell whether a value of JSON is a finite number above 0."""
    return type(value) in (int, float) and 0 < value < math.inf


def is_list_of(kind: Any, values: Any) -> bool:
    """Tell whether a value of JSON is a list of this type alone."""
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


_MAX_COUNT = 65_536
"""Of frames, and of pixels of a side."""

_FITS: dict[str, Callable[[Any], bool]] = {
    'classes': lambda value: is_list_of(str, value) and bool(value),
    'num_frames': _is_count,
    'frame_interval': lambda value: value is None or is_positive(value),
    'span_seconds': lambda value: value is None or is_positive(value),
    'image_size': lambda value: (
        is_list_of(int, value) and len(value) == 2 and all(map(_is_count, value))
    ),
    'picture_steps': lambda value: (
        is_list_of(dict, value) and all('type' in step for step in value)
    ),
    'multi_label': lambda value: isinstance(value, bool),
    'temperature': is_positive,
    **dict.fromkeys(
        ('weights_digest', 'precision', 'device', 'pixels', 'outputs'),
        lambda value: isinstance(value, str),
    ),
}
"""Whether the value of a field is what an export writes."""
