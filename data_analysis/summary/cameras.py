"""Cues for a class beside the action: the camera, the light, the motion; and doubtful labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from data_analysis.measuring.clip_table import by_class
from data_analysis.measuring.scenes import nearest, signature_matrix
from data_analysis.measuring.thumbnails import decode_thumbnail

MOST_RECORDINGS = 40
LOOKS = ('brightness', 'contrast', 'sharpness', 'motion')
"""Measures of `looks`, in the order of its table."""
_MOST_DOUBTS = 50
_MOST_COMPARED = 5000
_ALIKE = 0.3
"""Distance of thumbnails under which two clips show the same scene, as in the checks."""


def class_by_recording(clips: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any] | None:
    """Clips by recording and class, and how far the recording alone names the class.

    Returns:
        `rows` for the `MOST_RECORDINGS` largest recordings, `recordings`, and `accuracy`: the share
        of clips whose class most other clips of their recording have; `guessing`: the share of the
        largest class. None where recordings or classes are not known, or every clip is alone.
    """
    known = by_class(clips[(clips['recording'] != '') & (clips['label'] != '')])
    known = known[known['label'].isin(list(classes))]
    if known.empty or len(classes) < 2:
        return None
    counts = pd.crosstab(known['recording'], known['label']).reindex(
        columns=list(classes), fill_value=0
    )
    sizes = counts.sum(axis=1)
    if not (sizes > 1).any():
        return None
    shown = sizes.sort_values(ascending=False, kind='stable').index[:MOST_RECORDINGS]
    return {
        'recordings': len(counts),
        'rows': [{'recording': name, 'clips': counts.loc[name].tolist()} for name in shown],
        'accuracy': _named_by_others(counts[sizes > 1].to_numpy()),
        'guessing': float(counts.to_numpy().sum(axis=0).max() / sizes.sum()),
    }


def _named_by_others(counts: np.ndarray) -> float:
    """Share of clips whose class is that of most others in their recording; (R, K) counts."""
    right = 0.0
    for row in counts:
        for label in np.flatnonzero(row):
            others = row.copy()
            others[label] -= 1
            best = np.flatnonzero(others == others.max())
            right += row[label] * (label in best) / len(best)
    return float(right / counts.sum())


def looks(clips: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Brightness, contrast, sharpness and early motion of each class: median and middle half.

    Brightness is the mean and contrast the standard deviation of a clip's thumbnail, 0 to 255;
    sharpness is low where pictures are blurred; motion is the distance of the thumbnails of a
    clip's second and seventh frame.
    """
    usable = clips[clips['signature'] != '']
    if usable.empty:
        return []
    thumbnails = [decode_thumbnail(text).astype(float) for text in usable['signature']]
    measured = usable.assign(
        brightness=[picture.mean() for picture in thumbnails],
        contrast=[picture.std() for picture in thumbnails],
        motion=usable['early_distance'],
    )
    named = by_class(measured)
    rows = []
    for name in classes:
        of_class = named[named['label'] == name]
        if len(of_class):
            row: dict[str, Any] = {'label': name, 'clips': len(of_class)}
            for measure in LOOKS:
                quartiles = of_class[measure].quantile([0.25, 0.5, 0.75])
                row[measure] = quartiles.tolist()
            rows.append(row)
    return rows


def label_doubts(clips: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Clips that look like a clip of another class, the most alike first.

    It is less than half as far from that clip as from any of its own class. Two clips that show the
    same scene and have different labels may both be right; one look settles it.
    """
    usable = clips[clips['label'].isin(list(classes)) & (clips['signature'] != '')]
    usable = usable.iloc[:: -(-len(usable) // _MOST_COMPARED) or 1]
    if usable.empty:
        return []
    matrix, places = signature_matrix(usable['signature'])
    usable = usable.iloc[places]
    labels = usable['label'].to_numpy()
    doubts = []
    for label in dict.fromkeys(labels):
        own, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        if len(own) < 2 or not len(others):
            continue
        far, twins = nearest(matrix[own], matrix[others])
        near = NearestNeighbors(n_neighbors=2).fit(matrix[own]).kneighbors(matrix[own])[0][:, 1]
        for place, distance, twin, own_distance in zip(own, far, others[twins], near, strict=True):
            if distance < _ALIKE and distance < own_distance / 2:
                clip, other = usable.iloc[place], usable.iloc[twin]
                doubts.append(
                    {
                        'path': clip['path'],
                        'label': clip['label'],
                        'twin': other['path'],
                        'twin_label': other['label'],
                        'distance': float(distance),
                    }
                )
    return sorted(doubts, key=lambda row: row['distance'])[:_MOST_DOUBTS]
