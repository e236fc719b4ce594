import csv
from pathlib import Path

import numpy as np
import pandas as pd

from mmaction_timesformer.evaluation import Predictions
from mmaction_timesformer.reports.results.clip_table import write_predictions


def test_the_surest_mistake_comes_first_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    predictions = Predictions(
        scores=np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]),
        labels=np.array([0, 1, 0]),
        classes=('other', '=danger'),
        clips=pd.DataFrame({'filename': ['a.mp4', 'b.mp4', '@c.mp4']}),
    )
    write_predictions(predictions, tmp_path / 'predictions.csv')
    with open(tmp_path / 'predictions.csv', newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert [row['filename'] for row in rows] == ["'@c.mp4", 'b.mp4', 'a.mp4']
    assert rows[0] == {
        'filename': "'@c.mp4",
        'true': 'other',
        'predicted': "'=danger",
        'confidence': '0.8',
        'right': 'False',
        'p(other)': '0.2',
        'p(=danger)': '0.8',
    }
