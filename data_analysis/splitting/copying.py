"""Copies for training that are made by themselves where they save more time than they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from data_analysis.copies import CacheCount, CopySettings, cache_videos
from data_analysis.measuring.measure import MeasureSettings
from data_analysis.measuring.worker_pool import Workers
from data_analysis.splitting.presets import Preset
from video_clips.reading.remote import is_remote

_CLIP_LEN = 8
_GAIN = 2.0
_MOST_HOURS = 5.0


def copies_pay(clips: pd.DataFrame, preset: Preset) -> bool:
    """Whether loading from copies is at least twice as fast, and making them not too long.

    What loading costs is pixels: those of all frames that a decoder goes through to reach the
    frames of a sample. Videos of which lists name small parts only, and more than five hours of
    video, are left as they are.
    """
    if clips['file'].map(is_remote).any():
        return False
    files = clips.drop_duplicates('file')
    seconds = files['packet_duration_seconds'].fillna(files['duration_seconds']).sum()
    if seconds > 3 * clips['duration_seconds'].sum() or seconds > _MOST_HOURS * 3600:
        return False
    settings = CopySettings(short_side=preset.short_side)
    short_side = clips[['width', 'height']].min(axis=1)
    shrunk = (settings.short_side / short_side).clip(upper=1.0) ** 2
    as_it_is = _frames_decoded(clips['num_frames'], clips['keyframe_spacing'])
    of_copy = _frames_decoded(
        clips['num_frames'], pd.Series(settings.keyframe_interval, index=clips.index)
    )
    return bool((as_it_is / (of_copy * shrunk)).median() >= _GAIN)


def _frames_decoded(num_frames: pd.Series, keyframe_spacing: pd.Series) -> np.ndarray:
    spacing = keyframe_spacing.fillna(num_frames)
    return np.minimum(num_frames, _CLIP_LEN * (spacing + 1) / 2).to_numpy(float)


def make_copies(
    clips: pd.DataFrame, root: str, out: Path, preset: Preset, measure: MeasureSettings
) -> CacheCount:
    """Copy the videos of all clips, with a line about it and a bar."""
    from rich.console import Console

    from video_clips.commands import progress_bar

    paths = sorted(set(clips['path']))
    with progress_bar(Console(), 'Copying', len(paths)) as progress:
        return cache_videos(
            paths,
            root,
            out,
            CopySettings(short_side=preset.short_side),
            Workers(measure.num_workers),
            progress,
        )
