"""Scoring clips: the function that a model becomes, and its settings.

Legend: B clips, V crops, C channels, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from mmaction_timesformer.models.precision import DTYPES

Score = Callable[[Tensor], Tensor]
"""From clips (B * V, C, T, H, W) to the calibrated probability of each class, (B * V, K)."""


@dataclass(frozen=True)
class ScoringSettings:
    """How a config's model scores clips; keys of the config's ``detection`` part.

    Attributes:
        pipeline: The config's pipeline that prepares frames: ``val_pipeline`` has one crop,
            ``test_pipeline`` usually three.
        dtype: Type that the model computes in; ``auto`` is the fastest that the device supports.
        temperature: Divisor of the logits that calibrates probabilities; by default the
            checkpoint's own.
    """

    pipeline: str = 'val_pipeline'
    dtype: str = 'auto'
    temperature: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pipeline, str):
            raise ValueError(f'detection.pipeline={self.pipeline!r} must be text')
        if self.dtype not in DTYPES:
            raise ValueError(f'detection.dtype={self.dtype!r} is unknown; choose from {DTYPES}')
        if self.temperature is not None:
            check_temperature(self.temperature, 'detection.temperature')

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ScoringSettings:
        """Read the settings in a config's ``detection`` part and check that its pipeline exists.

        Raises:
            ValueError: A value is invalid or the config lacks the pipeline.
        """
        detection = config.get('detection') or {}
        if not isinstance(detection, Mapping):
            raise ValueError(f'detection={detection!r} must be a dict')
        names = [field.name for field in fields(cls)]
        settings = cls(**{name: detection[name] for name in names if name in detection})
        settings.check_pipeline(config)
        return settings

    def check_pipeline(self, config: Mapping[str, Any]) -> None:
        """Raise ValueError unless the config has the pipeline."""
        if self.pipeline not in config:
            raise ValueError(f'the config has no {self.pipeline}; set detection.pipeline')


def check_temperature(value: object, name: str) -> None:
    """Raise ValueError unless a temperature is a finite number above 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:  # type: ignore[operator]
        raise ValueError(f'{name}={value!r} must be a finite number above 0')
