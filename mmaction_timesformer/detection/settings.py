"""The ``detection`` part of a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mmaction_timesformer.detection.sources.feed import Patience
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings

DTYPES = ('auto', 'float32', 'bfloat16', 'float16')

_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    'str': (str, 'text'),
    'int': (int, 'a whole number'),
    'float': ((int, float), 'a number'),
    'Mapping[str, Any]': (Mapping, 'a dict'),
}


@dataclass(frozen=True)
class DetectionSettings:
    """What ``detection = dict(...)`` of a config may hold.

    Attributes:
        pipeline: Which of the config's pipelines prepares frames: ``val_pipeline`` has one crop,
            ``test_pipeline`` usually three.
        span_seconds: Time that a window covers; by default that of a training clip, which is the
            sampler's ``clip_len`` times ``frame_interval`` at `clip_fps`.
        clip_fps: Frame rate of the clips that the model was trained on.
        hop_seconds: From one window to the next; by default an eighth of the span.
        batch_size: Windows that go through the model together.
        queue_size: Windows that wait for one source.
        dtype: Type that the model computes in; ``auto`` is the fastest that the device is made for.
        temperature: What logits are divided by so that probabilities are calibrated; by default
            what the checkpoint's head was calibrated to.
        update_seconds: How much an open event must have grown to be told again.
        heartbeat_seconds: Distance of heartbeats.
        read_seconds: Longest wait for a frame.
        first_retry_seconds: Wait before a live source is opened again; it doubles each time.
        max_retry_seconds: Limit of that wait.
        max_retries: Tries in a row after which a live source is given up; None for never.
        rules: Arguments of `EventRule` for all classes.
        dangers: The classes that are events, with what each changes in `rules`; by default all
            but ``Other``.
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
    rules: Mapping[str, Any] = field(default_factory=dict)
    dangers: Any = None

    def __post_init__(self) -> None:
        self._check_types()
        self._check_dangers()
        if self.dtype not in DTYPES:
            raise ValueError(f'detection.dtype={self.dtype!r} is unknown; choose from {DTYPES}')
        for name in ('clip_fps', 'heartbeat_seconds', 'read_seconds', 'max_retry_seconds'):
            if not getattr(self, name) > 0:
                raise ValueError(f'detection.{name}={getattr(self, name)} must be above 0')
        if self.temperature is not None and not self.temperature > 0:
            raise ValueError(f'detection.temperature={self.temperature} must be above 0')

    def _check_types(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            kind, _, is_optional = str(setting.type).partition(' | ')
            if kind not in _KINDS or (is_optional and value is None):
                continue
            types, description = _KINDS[kind]
            if not isinstance(value, types) or isinstance(value, bool):
                raise ValueError(f'detection.{setting.name}={value!r} must be {description}')

    def _check_dangers(self) -> None:
        if self.dangers is None:
            return
        if not isinstance(self.dangers, Mapping | Sequence) or isinstance(self.dangers, str):
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

    def watch_settings(self, num_frames: int, clip_frame_interval: float | None) -> WatchSettings:
        """How sources are cut and watched.

        Args:
            num_frames: Frames of a clip.
            clip_frame_interval: Distance of a training clip's frames, in frames.

        Raises:
            ValueError: Neither the config nor the sampler tells what time a window covers.
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
        return WatchSettings(
            WindowSettings(num_frames, span, hop),
            self.batch_size,
            self.queue_size,
            self.heartbeat_seconds,
            Patience(
                self.read_seconds,
                self.first_retry_seconds,
                self.max_retry_seconds,
                self.max_retries,
            ),
        )
