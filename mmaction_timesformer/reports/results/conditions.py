"""How accuracy depends on what a clip is like: its recording, length and light.

Legend: N clips.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mmaction_timesformer.evaluation import Predictions, resampled_weights, share_interval
from video_clips.reading.video import VideoError, open_video

NUM_PARTS = 3
NUM_LIGHT_FRAMES = 3
MOST_CLIPS_MEASURED = 5000


def measure_clips(predictions: Predictions) -> pd.DataFrame:
    """Length and light of clips, from their videos: ``duration_seconds``, ``brightness`` (0..255).

    NaN where a video is not there or cannot be read. Nothing is measured of very large sets.
    """
    nothing = np.full(len(predictions), np.nan)
    table = pd.DataFrame({'duration_seconds': nothing, 'brightness': nothing})
    if 'filename' not in predictions.clips or len(predictions) > MOST_CLIPS_MEASURED:
        return table
    for row, clip in enumerate(predictions.clips.to_dict('records')):
        if os.path.isfile(clip['filename']):
            try:
                table.loc[row] = _measure(clip)
            except VideoError:
                continue
    return table


def _measure(clip: dict[Any, Any]) -> tuple[float, float]:
    """Seconds and mean brightness of a clip; a part of a file counts as the clip."""
    with open_video(clip['filename'], allow_truncated=True) as video:
        start, end = clip.get('start_seconds'), clip.get('end_seconds')
        first = float(video.seconds[0])
        last = first + video.duration_seconds
        start = first if start is None or pd.isna(start) else float(start)
        end = last if end is None or pd.isna(end) else float(end)
        times = np.linspace(start, min(end, last), NUM_LIGHT_FRAMES + 2)[1:-1]
        frames = np.searchsorted(video.seconds, times).clip(0, video.num_frames - 1)
        pictures = video.decode(frames, short_side=64)
    return end - start, float((pictures @ np.array([0.299, 0.587, 0.114])).mean())


def accuracy_by_recording(predictions: Predictions) -> list[dict[str, Any]]:
    """Top-1 accuracy of each recording, the worst first, with Wilson's interval."""
    if not predictions.recordings_known:
        return []
    rows = []
    hits = pd.Series(predictions.hits)
    for name, of_recording in hits.groupby(predictions.clips['recording'].to_numpy()):
        wilson = binomtest(int(of_recording.sum()), len(of_recording)).proportion_ci(
            method='wilson'
        )
        rows.append(
            {
                'name': str(name),
                'clips': len(of_recording),
                'top1': float(of_recording.mean()),
                'low': float(wilson.low),
                'high': float(wilson.high),
            }
        )
    return sorted(rows, key=lambda row: (row['top1'], -row['clips']))


def accuracy_by_value(
    predictions: Predictions, values: Sequence[float] | np.ndarray, pattern: str
) -> list[dict[str, Any]]:
    """Top-1 accuracy of the clips with small, middle and large values, with bootstrap intervals.

    Args:
        predictions: N clips.
        values: (N,); clips without a value (NaN) are left out.
        pattern: How a range is written, with two places, e.g. ``'{:.1f} to {:.1f} s'``.

    Returns:
        A row a part; empty where the values are too few or all the same.
    """
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values)
    if known.sum() < 2 * NUM_PARTS or np.ptp(values[known]) == 0:
        return []
    limits = np.quantile(values[known], np.linspace(0, 1, NUM_PARTS + 1)[1:-1])
    parts = np.where(known, np.searchsorted(limits, values, side='right'), -1)
    rows = []
    for part in range(NUM_PARTS):
        if not (parts == part).any():
            continue
        of_part = predictions.subset(parts == part)
        inside = values[parts == part]
        rows.append(
            {'name': pattern.format(inside.min(), inside.max()), 'clips': len(of_part)}
            | _accuracy(of_part)
        )
    return rows


def _accuracy(predictions: Predictions) -> dict[str, float]:
    hits, groups = predictions.hits, predictions.groups
    blocks = [weights @ hits / weights.sum(axis=1) for weights in resampled_weights(groups)]
    low, high = share_interval(np.concatenate(blocks), float(hits.mean()), int(groups.max()) + 1)
    return {'top1': float(hits.mean()), 'low': low, 'high': high}
