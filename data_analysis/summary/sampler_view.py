"""What a clip sampler makes of a dataset: who is too short, which frames come out, what fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.measuring.clip_table import by_class
from data_analysis.measuring.tables import ALL
from video_clips.sampling import (
    SHORT_CLIP_RULES,
    ClipTooShortError,
    frames_needed,
    largest_interval,
    sample_frames,
    sample_like_mmaction2,
    sample_span,
    sample_uniformly,
)

RULES = ('loop', *SHORT_CLIP_RULES)
"""What to do with a clip that is too short; `loop` is mmaction2's default."""

_MOST_INTERVAL = 64
_FITTING_SHARE = 0.95
_NUM_EXAMPLES = 6


@dataclass(frozen=True)
class SamplerSettings:
    """A clip sampler.

    Attributes:
        clip_len: Frames of a sample.
        frame_interval: Frames from one to the next; None spreads them over the whole clip.
        num_clips: Samples of a clip in testing.
        short_clip: One of `RULES`.
        target_fps: Frame rate for which the interval is meant; None takes the files' own.
        span_seconds: Time that the frames span, in place of an interval; None for an interval.
    """

    clip_len: int = 8
    frame_interval: int | None = 32
    num_clips: int = 1
    short_clip: str = 'loop'
    target_fps: float | None = None
    span_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.clip_len < 1 or (self.frame_interval is not None and self.frame_interval < 1):
            raise ValueError(
                f'clip length and frame interval are at least 1, got {self.clip_len} and '
                f'{self.frame_interval}'
            )
        if self.short_clip not in RULES:
            raise ValueError(
                f'{self.short_clip!r} is no rule for short clips; there are {", ".join(RULES)}'
            )

    @property
    def is_uniform(self) -> bool:
        """Whether the frames are spread over the whole clip, however long it is."""
        return self.frame_interval is None and not self.span_seconds

    @property
    def name(self) -> str:
        """Short, as in configs: clip length times interval."""
        if self.is_uniform:
            return f'{self.clip_len} frames spread over the clip'
        if self.span_seconds:
            return f'{self.clip_len} frames over {self.span_seconds:g} s, {self.short_clip}'
        rate = f' at {self.target_fps:g} fps' if self.target_fps else ''
        return f'{self.clip_len}×{self.frame_interval}{rate}, {self.short_clip}'


def needed_frames(settings: SamplerSettings, fps: pd.Series) -> pd.Series:
    """Frames that each clip must have to be sampled as the setting promises."""
    gaps = settings.clip_len - 1
    if settings.span_seconds:
        return np.floor(gaps * settings.span_seconds / settings.clip_len * fps) + 1
    interval = settings.frame_interval or 1
    if settings.target_fps:
        return np.floor(gaps * interval * fps / settings.target_fps) + 1
    return pd.Series(frames_needed(settings.clip_len, interval), index=fps.index)


def sample_indices(settings: SamplerSettings, num_frames: int, fps: float) -> np.ndarray:
    """The frames that a test takes of a clip; of the middle sample if there are several.

    A clip's frames are taken to be evenly spaced in time.

    Returns:
        (clip_len,) frame numbers. A clip that the rule `error` refuses gives none.
    """
    length, rule, number = settings.clip_len, settings.short_clip, settings.num_clips
    interval = settings.frame_interval or 1
    try:
        if settings.is_uniform:
            samples = sample_uniformly(num_frames, length, number, test_mode=True)
        elif rule == 'loop' or settings.target_fps:
            samples = sample_like_mmaction2(
                num_frames,
                length,
                interval,
                number,
                short_clip='loop' if rule == 'loop' else 'repeat_last',
                test_mode=True,
                target_fps=settings.target_fps,
                fps=fps,
            )
        elif settings.span_seconds:
            times, span = np.arange(num_frames) / fps, settings.span_seconds
            samples = sample_span(times, length, span, number, short_clip=rule, test_mode=True)
        else:
            samples = sample_frames(
                num_frames, length, interval, number, short_clip=rule, test_mode=True
            )
    except ClipTooShortError:
        return np.zeros(0, int)
    return samples[len(samples) // 2]


def sampler_view(
    clips: pd.DataFrame, classes: Sequence[str], settings: SamplerSettings
) -> dict[str, Any]:
    """What the setting does to the set, as plain data for `summary.json`."""
    measured = clips[clips['num_frames'] > 0].copy()
    needed = needed_frames(settings, measured['fps'])
    measured['short'] = measured['num_frames'] < needed
    # mmaction2 wants an interval's length after the last frame before it moves the start.
    room = (settings.frame_interval or 1) - 1 if settings.short_clip == 'loop' else 0
    is_fixed = not settings.is_uniform
    measured['unshifted'] = is_fixed & (measured['num_frames'] <= needed + room)
    wanted = int(needed.median()) if len(needed) else 0
    rows = _class_rows(measured, classes)
    everything = rows[-1]
    best = largest_fitting_interval(measured['num_frames'], settings.clip_len)
    return {
        'settings': asdict(settings),
        'name': settings.name,
        'frames_needed': wanted,
        'interval': round((wanted - 1) / max(1, settings.clip_len - 1)),
        'short_share': everything['short_share'],
        'unshifted_share': everything['unshifted_share'],
        'classes': rows,
        'coverage': _coverage(measured, classes, settings),
        'largest_interval_for_95_percent': best,
        'examples': _examples(measured, settings),
        'short_example': _short_example(measured, settings),
        'sentence': _sentence(settings, wanted, everything, best),
    }


def _class_rows(measured: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    named = by_class(measured)
    groups = [(name, named[named['label'] == name]) for name in classes]
    rows = []
    for name, group in [*groups, (ALL, measured)]:
        number = len(group)
        row: dict[str, Any] = {'label': name, 'clips': number}
        for column in ('short', 'unshifted'):
            row[column] = int(group[column].sum())
            row[f'{column}_share'] = row[column] / number if number else 0.0
        rows.append(row)
    return rows


def largest_fitting_interval(num_frames: pd.Series, clip_len: int) -> int | None:
    """The largest interval that 95% of the clips fit; None if none does."""
    if num_frames.empty:
        return None
    ranked = np.sort(num_frames.to_numpy(float))
    spared = math.floor((1 - _FITTING_SHARE) * len(ranked) + 1e-9)
    best = largest_interval(int(ranked[spared]), clip_len)
    return best if best >= 1 else None


def _coverage(
    measured: pd.DataFrame, classes: Sequence[str], settings: SamplerSettings
) -> dict[str, Any]:
    """Share of clips that are long enough, for each interval and class."""
    intervals = list(range(1, max(_MOST_INTERVAL, settings.frame_interval or 1) + 1))
    wanted = np.array([frames_needed(settings.clip_len, interval) for interval in intervals])
    named = by_class(measured)
    lengths = {name: named.loc[named['label'] == name, 'num_frames'] for name in classes}
    lengths[ALL] = measured['num_frames']
    return {
        'intervals': intervals,
        'shares': {
            name: (values.to_numpy()[:, None] >= wanted).mean(axis=0).tolist()
            for name, values in lengths.items()
            if len(values)
        },
    }


def _examples(measured: pd.DataFrame, settings: SamplerSettings) -> list[dict[str, Any]]:
    """Exact frames of clips from the shortest to the longest."""
    if measured.empty:
        return []
    ranked = measured.sort_values(['num_frames', 'path'])
    places = np.linspace(0, len(ranked) - 1, min(len(ranked), _NUM_EXAMPLES)).round().astype(int)
    return [
        {
            'path': clip.path,
            'label': clip.label,
            'num_frames': int(clip.num_frames),
            'indices': sample_indices(settings, int(clip.num_frames), clip.fps).tolist(),
        }
        for clip in ranked.iloc[places].itertuples()
    ]


def _short_example(measured: pd.DataFrame, settings: SamplerSettings) -> dict[str, Any] | None:
    """A typical clip that is too short, under each rule; None if no clip is."""
    short = measured[measured['short']].sort_values(['num_frames', 'path'])
    if short.empty or settings.frame_interval is None:
        return None
    clip = short.iloc[len(short) // 2]
    num_frames = int(clip['num_frames'])
    rules = []
    for rule in RULES[:-1]:
        under_rule = SamplerSettings(settings.clip_len, settings.frame_interval, short_clip=rule)
        indices = sample_indices(under_rule, num_frames, clip['fps'])
        rules.append(
            {
                'name': rule,
                'indices': indices.tolist(),
                'in_order': bool((np.diff(indices) >= 0).all()),
            }
        )
    return {'path': clip['path'], 'num_frames': num_frames, 'rules': rules}


def _sentence(
    settings: SamplerSettings, wanted: int, everything: dict[str, Any], best: int | None
) -> str:
    effects = {
        'loop': 'wraps their frames',
        'repeat_last': 'repeats their last frame',
        'error': 'refuses them',
    }
    what = effects.get(settings.short_clip, 'moves their frames closer together')
    fits = 'no interval fits' if best is None else f'{best} is the largest interval that fits'
    if settings.is_uniform:
        return (
            f'Sampling {settings.name} fits any clip of {wanted} frames or more; '
            f'{everything["short"]:,} of {everything["clips"]:,} clips have fewer. The longer a '
            f'clip, the faster it is shown. With a fixed interval, {fits} 95% of the clips.'
        )
    return (
        f'Sampling {settings.name} takes {settings.clip_len} frames out of {wanted}. '
        f'{everything["short"]:,} of {everything["clips"]:,} clips '
        f'({everything["short_share"]:.1%}) are shorter, and the sampler {what}; '
        f'{everything["unshifted_share"]:.1%} always start at frame 0, so that training never '
        f'shifts them. {fits[0].upper()}{fits[1:]} 95% of the clips.'
    )
