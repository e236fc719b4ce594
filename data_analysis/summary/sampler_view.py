"""A clip sampler applied to a dataset: clips too short, frames taken, intervals that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.inputs.sampler import RULES, SamplerSettings, needed_frames, sample_indices
from data_analysis.measuring.clip_table import by_class
from data_analysis.measuring.tables import ALL
from video_clips.sampling import (
    frames_needed,
    largest_interval,
)

_MOST_INTERVAL = 64
_FITTING_SHARE = 0.95
_NUM_EXAMPLES = 6


def sampler_view(
    clips: pd.DataFrame, classes: Sequence[str], settings: SamplerSettings
) -> dict[str, Any]:
    """Effect of the setting on the set, as plain data for `summary.json`."""
    measured = clips[clips['num_frames'] > 0].copy()
    needed = needed_frames(settings, measured['fps'])
    measured['short'] = measured['num_frames'] < needed
    measured['unshifted'] = _always_start_at_zero(measured, needed, settings)
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


def _always_start_at_zero(
    measured: pd.DataFrame, needed: pd.Series, settings: SamplerSettings
) -> pd.Series:
    """Clips whose samples in training always start at frame 0, so that training never shifts them.

    mmaction2 wants an interval's length after the last frame before it moves the start. Where the
    interval shrinks to fit, the frames that are over leave room to move; where a short clip is cut
    into equal parts, a random frame of each is taken.
    """
    num_frames = measured['num_frames']
    if settings.is_uniform:
        return pd.Series(False, index=measured.index)
    if settings.short_clip == 'loop':
        return num_frames <= needed + (settings.frame_interval or 1) - 1
    if settings.short_clip == 'uniform':
        return num_frames == needed
    if settings.short_clip == 'shrink_interval' and not settings.span_seconds:
        gaps = max(settings.clip_len - 1, 1)
        interval = ((num_frames - 1) // gaps).clip(lower=1)
        return (num_frames <= needed) & (num_frames <= interval * gaps + 1)
    return num_frames <= needed


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
        f'{everything["unshifted_share"]:.1%} always start at frame 0 in training. '
        f'{fits[0].upper()}{fits[1:]} 95% of the clips.'
    )
