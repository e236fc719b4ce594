"""The `detection` part of a prepared config, from what was measured of the clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.inputs.mmaction_config import sampler_of_config
from data_analysis.inputs.sampler import SamplerSettings, sample_indices

_BACKGROUND = frozenset(
    (
        *('other', 'others', 'background', 'none', 'nothing', 'normal', 'negative', 'neutral'),
        *('idle', 'safe', 'empty', 'no', 'ok', 'regular', 'rest'),
    )
)
_NEGATION = re.compile(r'(?i:no|non|not|without)([ _\-.]|(?=[A-Z]))')


def guess_dangers(classes: Sequence[str]) -> list[str]:
    """The classes whose names do not read as background (`Other`, `normal`, `noFight`); or all."""
    lowered = [name.casefold() for name in classes]
    dangers = [
        name
        for name, low in zip(classes, lowered, strict=True)
        if low not in _BACKGROUND
        and not _NEGATION.match(name)
        and not any(low == f'{negation}{other}' for negation in ('no', 'non') for other in lowered)
    ]
    return dangers or list(classes)


def detection_of(clips: pd.DataFrame, base_config: Path, dangers: Sequence[str]) -> dict[str, Any]:
    """Values for `detection = dict(...)`.

    A window covers what the sampler takes of a clip of median length, so that its frames are as far
    apart as those that the model is trained on; it moves by one such distance. Without mmengine, or
    with a sampler that is not known here, only the dangers are set.
    """
    detection: dict[str, Any] = {'dangers': list(dangers)}
    sampler = sampler_of_config(base_config)
    if sampler is not None:
        step = frame_distance(clips, sampler)
        if step > 0:
            detection['span_seconds'] = round(step * sampler.clip_len, 3)
            detection['hop_seconds'] = round(step, 3)
    return detection


def frame_distance(clips: pd.DataFrame, sampler: SamplerSettings) -> float:
    """Seconds from one frame that the sampler takes to the next, the median over the clips."""
    measured = clips[(clips['num_frames'] > 0) & (clips['fps'] > 0)]
    if measured.empty:
        return 0.0
    if sampler.is_uniform:
        return float((measured['duration_seconds'] / sampler.clip_len).median())
    steps = []
    for num_frames, fps in zip(measured['num_frames'], measured['fps'], strict=True):
        frames = sample_indices(sampler, int(num_frames), fps)
        if len(frames) > 1 and frames[1] > frames[0]:
            steps.append((frames[1] - frames[0]) / fps)
    return float(np.median(steps)) if steps else 0.0
