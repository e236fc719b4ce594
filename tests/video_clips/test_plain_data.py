import math

import numpy as np
import pytest

from video_clips.plain_data import plain, table_text


def test_numbers_without_a_value_are_null() -> None:
    assert plain({'a': math.nan, 'b': np.float64(2), 3: [np.int64(1), math.inf]}) == {
        'a': None,
        'b': 2.0,
        '3': [1, None],
    }


@pytest.mark.parametrize('text', ['=HYPERLINK("x")', '+1', '-1', '@x', '\tx', '\rx'])
def test_no_cell_is_a_formula(text: str) -> None:
    assert table_text(text) == f"'{text}"
    assert table_text(f'a{text}') == f'a{text}'
