"""The ``detection`` part of a config."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import NoneType
from typing import Any

from mmaction_timesformer.detection.sources.feed import Patience
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings
from mmaction_timesformer.inference.preparation import PipelineParts, split_pipeline
from mmaction_timesformer.inference.scoring import ScoringSettings

_TEXT = ('pipeline', 'dtype', 'recording_time')
_WHOLE = ('batch_size', 'queue_size')
_NUMBERS = (
    *('clip_fps', 'update_seconds', 'heartbeat_seconds'),
    *('read_seconds', 'first_retry_seconds', 'max_retry_seconds'),
)
_MAYBE_NUMBERS = ('span_seconds', 'hop_seconds', 'temperature')
_POSITIVE = ('clip_fps', 'heartbeat_seconds', 'read_seconds', 'max_retry_seconds')


@dataclass(frozen=True)
class DetectionSettings:
    """Keys of ``detection = dict(...)`` in a config.

    Attributes:
        pipeline: The config's pipeline that prepares frames: ``val_pipeline`` has one crop,
            ``test_pipeline`` usually three.
        span_seconds: Time that a window covers; by default that of a training clip, which is the
            sampler's ``clip_len`` times ``frame_interval`` at `clip_fps`.
        clip_fps: Frame rate of the clips that the model was trained on.
        hop_seconds: From one window to the next; by default an eighth of the span.
        batch_size: Windows that go through the model together.
        queue_size: Windows that wait for one source.
        dtype: Type that the model computes in; ``auto`` is the fastest that the device supports.
        temperature: Divisor of the logits that calibrates probabilities; by default the
            checkpoint's own.
        update_seconds: Growth of an open event after which it is reported again.
        heartbeat_seconds: Period of heartbeats.
        read_seconds: Longest wait for a frame.
        first_retry_seconds: Wait before a live source is opened again; it doubles each time.
        max_retry_seconds: Limit of that wait.
        max_retries: Tries in a row after which a live source is given up; None for never.
        recording_time: What ``creation_time`` of a recording is: its ``start``, its ``end`` as many
            cameras write it, or ``none`` to leave it out.
        rules: Arguments of `EventRule` for all classes.
        dangers: The classes that are events, each with its changes to `rules`, or their names
            alone; by default all but ``Other``.
    """

    pipeline: str = 'val_pipeline'
    span_seconds: float | None = None
    clip_fps: float = 25.0
    hop_seconds: float | None = None
    batch_size: int = 8
    queue_size: int = 16
    dtype: str = 'auto'
    temperature: float | None = None
    update_seconds: float = 1.0
    heartbeat_seconds: float = 10.0
    read_seconds: float = 10.0
    first_retry_seconds: float = 1.0
    max_retry_seconds: float = 30.0
    max_retries: int | None = None
    recording_time: str = 'start'
    rules: Mapping[str, Any] = field(default_factory=dict)
    dangers: Any = None

    def __post_init__(self) -> None:
        for name in _TEXT:
            self._check(name, str, 'text')
        for name in _WHOLE:
            self._check(name, int, 'a whole number')
        for name in _NUMBERS:
            self._check(name, (int, float), 'a number')
        for name in _MAYBE_NUMBERS:
            self._check(name, (int, float, NoneType), 'a number')
        self._check('max_retries', (int, NoneType), 'a whole number')
        self._check('rules', Mapping, 'a dict')
        self._check_dangers()
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f'detection.{name}={getattr(self, name)} must be above 0')
        _ = self.scoring

    def _check(self, name: str, types: type | tuple[type, ...], description: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, types) or isinstance(value, bool):
            raise ValueError(f'detection.{name}={value!r} must be {description}')

    @property
    def scoring(self) -> ScoringSettings:
        """The part that concerns the model."""
        return ScoringSettings(self.pipeline, self.dtype, self.temperature)

    def _check_dangers(self) -> None:
        if self.dangers is None or isinstance(self.dangers, str):
            return
        if not isinstance(self.dangers, Mapping | Sequence):
            raise ValueError(f'detection.dangers={self.dangers!r} must be names of classes')
        if not all(isinstance(name, str) for name in self.dangers):
            raise ValueError(f'detection.dangers={self.dangers!r} must be names of classes')
        changes = self.dangers.values() if isinstance(self.dangers, Mapping) else ()
        if not all(isinstance(change or {}, Mapping) for change in changes):
            raise ValueError(f'detection.dangers={self.dangers!r} must hold a dict for each class')

    @classmethod
    def from_config(
        cls, detection: Mapping[str, Any] | None, overrides: Mapping[str, Any] | None = None
    ) -> DetectionSettings:
        """Read the part of the config; without it, everything is as by default.

        Args:
            detection: That part.
            overrides: What replaces values of it.

        Raises:
            ValueError: A key is unknown or a value makes no sense.
        """
        if not isinstance(detection or {}, Mapping):
            raise ValueError(f'detection={detection!r} must be a dict')
        values = {**(detection or {}), **(overrides or {})}
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f'detection has unknown keys {unknown}; it may have {known}')
        return cls(**values)

    def for_pipeline(self, config: Mapping[str, Any]) -> tuple[PipelineParts, WatchSettings]:
        """Take the config's pipeline apart, and set windows as it samples clips.

        Raises:
            ValueError: There is no such pipeline, or it gives no span of a window.
        """
        self.scoring.check_pipeline(config)
        parts = split_pipeline(config[self.pipeline])
        settings = self
        if self.span_seconds is None and parts.span_seconds is not None:
            settings = replace(self, span_seconds=parts.span_seconds)
        watch = settings.watch_settings(parts.num_frames, parts.frame_interval)
        return parts, replace(watch, square_pixels=parts.square_pixels)

    def watch_settings(self, num_frames: int, clip_frame_interval: float | None) -> WatchSettings:
        """How sources are cut and watched.

        Args:
            num_frames: Frames of a clip.
            clip_frame_interval: Distance of a training clip's frames, in frames.

        Raises:
            ValueError: Neither the config nor the sampler gives the span of a window.
        """
        span = self.span_seconds
        if span is None:
            if clip_frame_interval is None:
                raise ValueError(
                    'the sampler has no frame_interval, so detection.span_seconds must say what '
                    'time a window covers'
                )
            span = num_frames * clip_frame_interval / self.clip_fps
        hop = span / 8 if self.hop_seconds is None else self.hop_seconds
        patience = Patience(
            self.read_seconds, self.first_retry_seconds, self.max_retry_seconds, self.max_retries
        )
        return WatchSettings(
            WindowSettings(num_frames, span, hop),
            self.batch_size,
            self.queue_size,
            self.heartbeat_seconds,
            patience,
            self.update_seconds,
            self.recording_time,
        )


def windows_of(config: Mapping[str, Any]) -> WindowSettings:
    """The windows that a config's detection has.

    Raises:
        ValueError: The config does not describe them.
    """
    settings = DetectionSettings.from_config(config.get('detection'))
    return settings.for_pipeline(config)[1].windows
