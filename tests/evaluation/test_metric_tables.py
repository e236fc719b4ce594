"""Text tables: where there is no interval, they say why."""

import numpy as np
import pandas as pd
import pytest

from mmaction_timesformer.evaluation import Predictions, classification_metrics
from mmaction_timesformer.evaluation.metric_tables import whole_table


def figures(recordings):
    scores = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    clips = pd.DataFrame({'recording': recordings}) if recordings else pd.DataFrame()
    predictions = Predictions(scores, np.array([0, 1, 1, 1]), ('a', 'b'), clips)
    return classification_metrics(predictions, 200)


@pytest.mark.parametrize(
    ('recordings', 'words'),
    [
        (('x', 'x', 'y', 'z'), '4 clips; 95 % intervals over 3 recordings'),
        (('x', 'x', 'x', 'x'), 'all of one recording, so there are no intervals'),
        ((), '4 clips; 95 % intervals over 4 clips'),
    ],
)
def test_the_title_says_what_the_intervals_cover(recordings, words):
    title, *rows = whole_table(figures(recordings)).split('\n')
    assert words in title
    top1 = next(row for row in rows if row.startswith('top1'))
    assert '0.750' in top1
    assert ('[' in top1) == ('intervals over' in title)
