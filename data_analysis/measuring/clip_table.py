"""The table of clips that everything after measuring works on: one row an annotated clip."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.measuring.file_measurement import FileMeasurement
from video_clips.labels import MULTI_LABEL_SEPARATOR

_FIRST_COLUMNS = ('path', 'label', 'split', 'recording')
_LAST_COLUMNS = ('start_seconds', 'end_seconds', 'file')

CLIP_COLUMNS = (
    *_FIRST_COLUMNS,
    *(
        field.name
        for field in fields(FileMeasurement)
        if field.name not in ('status', 'error', 'tier')
    ),
    'status',
    'error',
    'tier',
    *_LAST_COLUMNS,
)
"""Columns of `clips.csv`, in order; those of a file are explained at `FileMeasurement`."""


def any_text() -> Any:
    """A context, or decorator, in which tables may hold file names that are not valid Unicode.

    pandas keeps text in Arrow's memory where that is installed, which holds UTF-8 alone.
    """
    return pd.option_context('mode.string_storage', 'python')


def clip_table(annotated: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Joins annotations and measurements.

    A clip that is a part of a file gets the length of the part; clips of one file that have no
    recording share the file as recording.

    Args:
        annotated: One row a clip, see `inputs.INPUT_COLUMNS`.
        measured: One row a file, see `measure.measure_files`.

    Returns:
        One row a clip with `CLIP_COLUMNS`, in the order of the annotations.
    """
    # What a damaged header makes infinite is as unknown as what it lacks.
    measured = measured.replace([np.inf, -np.inf], np.nan)
    clips = annotated.merge(measured, on='file', how='left', validate='many_to_one')
    is_part = clips['start_seconds'].notna() | clips['end_seconds'].notna()
    if is_part.any():
        first = clips['first_frame_seconds'].fillna(0)
        start = clips['start_seconds'].fillna(0).clip(lower=first)
        end = clips['end_seconds'].fillna(np.inf).clip(upper=first + clips['duration_seconds'])
        seconds = (end - start).clip(lower=0)
        clips.loc[is_part, 'duration_seconds'] = seconds[is_part]
        clips.loc[is_part, 'num_frames'] = (seconds * clips['fps']).round()[is_part]
        unknown = is_part & (clips['recording'] == '')
        clips.loc[unknown, 'recording'] = clips.loc[unknown, 'file']
    return without_impossible_numbers(clips[list(CLIP_COLUMNS)])


def without_impossible_numbers(clips: pd.DataFrame) -> pd.DataFrame:
    """Turn infinite numbers, and sizes and rates that are not above 0, into unknown ones."""
    numbers = clips.select_dtypes('number').columns
    clips = clips.assign(
        **{name: clips[name].replace([np.inf, -np.inf], np.nan) for name in numbers}
    )
    for name in ('width', 'height', 'fps'):
        clips[name] = clips[name].where(clips[name] > 0)
    for name in ('num_frames', 'duration_seconds'):
        clips[name] = clips[name].where(clips[name] >= 0)
    return clips


def by_class(clips: pd.DataFrame) -> pd.DataFrame:
    """Repeats clips of several classes, once for each; the others stay as they are."""
    if not clips['label'].str.contains(MULTI_LABEL_SEPARATOR, regex=False).any():
        return clips
    return clips.assign(label=clips['label'].str.split(MULTI_LABEL_SEPARATOR)).explode('label')
