"""``predictions.csv``: each clip with its true and predicted class, and every probability."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

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
    scores = pd.DataFrame(predictions.scores, columns=[f'p({name})' for name in classes])
    order = np.lexsort((-predictions.confidence, predictions.hits))
    table = pd.concat([table, scores], axis=1).iloc[order]
    harmless_cells(table).to_csv(file, index=False, float_format='%.6g')
