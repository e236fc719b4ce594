"""Counts, spreads and weights of a table of clips, as plain data for `summary.json`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.stats import entropy
from sklearn.utils.class_weight import compute_class_weight

from data_analysis.measuring.class_weights import inverse_effective_numbers
from data_analysis.measuring.clip_table import by_class
from video_clips.plain_data import as_text

ALL = ''
"""Stands for all classes, or all splits, in the tables."""

MEASURES = ('duration_seconds', 'num_frames', 'fps')
QUANTILES = {
    'min': 0.0,
    'p05': 0.05,
    'p25': 0.25,
    'median': 0.5,
    'p75': 0.75,
    'p95': 0.95,
    'max': 1.0,
}
_MOST_BINS = 30
_EFFECTIVE_NUMBER_BETA = 0.999


def totals(clips: pd.DataFrame) -> dict[str, Any]:
    """The set in a few figures."""
    files = clips.drop_duplicates('file')
    return {
        'clips': len(clips),
        'files': len(files),
        'readable_clips': int((clips['status'] == 'ok').sum()),
        'unlabelled_clips': int((clips['label'] == '').sum()),
        'recordings': int(clips.loc[clips['recording'] != '', 'recording'].nunique()),
        'hours': float(clips['duration_seconds'].sum() / 3600),
        'frames': int(clips['num_frames'].sum()),
        'bytes': int(files['bytes'].sum()),
    }


def class_table(clips: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Class by split: clips, share of the split, hours, frames and recordings.

    Where there are several splits, rows with the split `ALL` sum over them; rows with the label
    `ALL` sum over the classes. Shares are of the clips in the row's split.
    """
    named = by_class(clips)
    labels = [*classes, *sorted(set(named['label']) - {*classes, ''})]
    rows = []
    splits = list(dict.fromkeys(clips['split']))
    for split in [*splits, ALL] if len(splits) > 1 else splits:
        in_split = clips if split == ALL else clips[clips['split'] == split]
        named_in_split = named if split == ALL else named[named['split'] == split]
        for label in [*labels, ALL]:
            part = in_split if label == ALL else named_in_split[named_in_split['label'] == label]
            rows.append({'label': label, 'split': split, **_count(part, len(in_split))})
    return rows


def _count(part: pd.DataFrame, num_clips: int) -> dict[str, Any]:
    return {
        'clips': len(part),
        'share': len(part) / num_clips if num_clips else 0.0,
        'hours': float(part['duration_seconds'].sum() / 3600),
        'frames': int(part['num_frames'].sum()),
        'recordings': int(part.loc[part['recording'] != '', 'recording'].nunique()),
    }


def training_split(clips: pd.DataFrame) -> str:
    """The split that is trained on: `train`, or the first one."""
    return 'train' if (clips['split'] == 'train').any() else clips['split'].iloc[0]


def balance(clips: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any] | None:
    """How evenly the classes of the training split are filled, and weights that make up for it.

    Returns:
        `split`; `imbalance_ratio`, largest over smallest class that occurs; `entropy_bits` and
        `evenness` (entropy over its maximum); `class_weights` in class order with mean 1 over the
        clips, by inverse frequency (scikit-learn's `balanced`) and by effective number (Cui et al.,
        arXiv 1901.05555, beta 0.999), None for a class without clips. None without labels.
    """
    split = training_split(clips)
    labels = by_class(clips[clips['split'] == split])['label']
    counts = labels.value_counts().reindex(classes, fill_value=0)
    present = counts[counts > 0]
    if present.empty:
        return None
    known = labels[labels.isin(present.index)]
    inverse = compute_class_weight('balanced', classes=np.array(present.index), y=known)
    effective = inverse_effective_numbers(present.to_numpy(), _EFFECTIVE_NUMBER_BETA)
    effective = effective * present.sum() / (effective * present.to_numpy()).sum()
    return {
        'split': split,
        'imbalance_ratio': float(present.max() / present.min()),
        'entropy_bits': float(entropy(present, base=2)),
        'evenness': float(entropy(present) / np.log(len(classes))) if len(classes) > 1 else 1.0,
        'class_weights': {
            'inverse_frequency': _in_class_order(present.index, inverse, classes),
            'effective_number': _in_class_order(present.index, effective, classes),
        },
    }


def _in_class_order(
    labels: pd.Index, weights: np.ndarray, classes: Sequence[str]
) -> list[float | None]:
    weight_of = dict(zip(labels, weights, strict=True))
    return [round(float(weight_of[name]), 4) if name in weight_of else None for name in classes]


def distributions(clips: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Per measure and class: quantiles, percentiles (for violins), and a histogram.

    A measure maps to `classes` (label to quantiles; `ALL` for the whole set) and `histogram`:
    edges, counts by label, and by label the clips beyond the last edge. Clips without the measure
    are left out; so are classes without clips.
    """
    return {measure: _distribution(clips, classes, measure) for measure in MEASURES}


def _distribution(clips: pd.DataFrame, classes: Sequence[str], measure: str) -> dict[str, Any]:
    known = clips[np.isfinite(clips[measure].to_numpy(float))]
    named = by_class(known)
    everything = known[measure].to_numpy(float)
    groups = {name: named.loc[named['label'] == name, measure].to_numpy(float) for name in classes}
    groups = {name: values for name, values in groups.items() if len(values)}
    edges = _bin_edges(everything)
    return {
        'classes': {
            name: _quantiles(values)
            for name, values in {ALL: everything, **groups}.items()
            if len(values)
        },
        'histogram': {
            'edges': edges.tolist(),
            'counts': {
                name: np.histogram(values, edges)[0].tolist()
                for name, values in {ALL: everything, **groups}.items()
            },
            'beyond': {
                name: int((values > edges[-1]).sum())
                for name, values in {ALL: everything, **groups}.items()
            },
        },
    }


def _quantiles(values: np.ndarray) -> dict[str, Any]:
    return {
        'clips': len(values),
        **{name: float(np.quantile(values, share)) for name, share in QUANTILES.items()},
        'percentiles': np.quantile(values, np.linspace(0, 1, 101)).tolist(),
    }


def _bin_edges(values: np.ndarray) -> np.ndarray:
    """Equal bins up to the 99th percentile; what is above is counted apart."""
    if len(values) == 0:
        return np.array([0.0, 1.0])
    low, high = values.min(), np.quantile(values, 0.99)
    if high - low < 1e-6:
        return np.array([low - 0.5, low + 0.5])
    edges = np.linspace(low, high, _MOST_BINS + 1)
    usual = values[values <= high]
    # The rule of Freedman and Diaconis, which would ask for a million bins beside one far outlier.
    width = 2 * np.subtract(*np.quantile(usual, (0.75, 0.25))) / len(usual) ** (1 / 3)
    if not 0 < width < (high - low) / (2 * _MOST_BINS):
        automatic = np.histogram_bin_edges(usual, bins='auto', range=(low, high))
        edges = edges if len(automatic) > len(edges) else automatic
    # A whole number of steps each (a frame, or what it lasts), or bins would hold different numbers
    # of possible values.
    step = np.diff(np.unique(values.round(6))).min()
    width = max(1, math.ceil(round((edges[1] - edges[0]) / step, 6))) * step
    return low - step / 2 + width * np.arange(int((high - low) / width + 1e-6) + 2)


def picture_table(clips: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """How many clips have which size, frame rate, codec, pixel format and container."""
    readable = clips[clips['status'] == 'ok']
    return {
        'sizes': _counts(readable, ['width', 'height']),
        'frame_rates': _counts(readable.assign(fps=readable['fps'].round(2)), ['fps']),
        'codecs': _counts(readable, ['codec']),
        'pixel_formats': _counts(readable, ['pixel_format']),
        'containers': _counts(readable, ['container']),
    }


def _counts(clips: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    counted = (
        clips.dropna(subset=columns).value_counts(columns, sort=True).reset_index(name='clips')
    )
    return counted.to_dict('records')


def harmless_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet takes for formulas.

    Its columns stay Python's: pyarrow's, which pandas may choose, hold no names that are not UTF-8.
    """
    texts = [name for name in table if not is_numeric_dtype(table[name])]
    marked = {
        name: pd.Series([as_text(cell) for cell in table[name]], table.index, dtype=object)
        for name in texts
    }
    return table.assign(**marked)
