import math

import numpy as np

from video_clips.plain_data import plain


def test_numbers_without_a_value_are_null() -> None:
    assert plain({'a': math.nan, 'b': np.float64(2), 3: [np.int64(1), math.inf]}) == {
        'a': None,
        'b': 2.0,
        '3': [1, None],
    }
