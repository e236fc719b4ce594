"""``predictions.csv``: each clip with its true and predicted class, and every probability."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from data_analysis.measuring.tables import harmless_cells
from mmaction_timesformer.evaluation import Predictions

_KNOWN = ('filename', 'frame_dir', 'recording', 'start_seconds', 'end_seconds')


def write_predictions(predictions: Predictions, file: Path) -> None:
    """Write a row a clip, the surest mistakes first.

    Columns: what is known of the clip, ``true``, ``predicted``, ``confidence``, ``right``, then
    one for each class with its probability. Several true classes are separated by ``;``.
    """
    classes = np.array(predictions.classes, dtype=object)
    known = [name for name in _KNOWN if name in predictions.clips]
    table = predictions.clips[known].reset_index(drop=True)
    table = table.assign(
        true=[';'.join(classes[row]) for row in predictions.truth],
        predicted=classes[predictions.top_class],
        confidence=predictions.confidence,
        right=predictions.hits,
    )
    order = np.lexsort((-predictions.confidence, predictions.hits))
    cells = harmless_cells(table.iloc[order]).astype(object)
    cells = cells.where(cells.notna(), '').map(_in_six_digits)
    # Pandas writes number by number, ten times as slowly for a thousand classes.
    scores = np.char.mod('%.6g', predictions.scores[order])
    with file.open('w', encoding='utf-8', newline='') as stream:
        writer = csv.writer(stream, lineterminator='\n')
        writer.writerow([*cells, *(f'p({name})' for name in classes)])
        for of_clip, of_classes in zip(cells.to_numpy(), scores, strict=True):
            writer.writerow([*of_clip, *of_classes])


def _in_six_digits(cell: object) -> object:
    return f'{cell:.6g}' if isinstance(cell, float) else cell
