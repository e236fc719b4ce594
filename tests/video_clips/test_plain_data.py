import math

import numpy as np
import pytest

from video_clips.plain_data import as_text, from_text, plain


def test_numbers_without_a_value_are_null() -> None:
    assert plain({'a': math.nan, 'b': np.float64(2), 3: [np.int64(1), math.inf]}) == {
        'a': None,
        'b': 2.0,
        '3': [1, None],
    }


@pytest.mark.parametrize(
    'text', ['=1', '+1', '-1', '@a', '\tb', '\rc', '\nd', '\uff1de', "'=f", "''-g"]
)
def test_formulas_are_marked_and_come_back(text):
    cell = as_text(text)
    assert cell == f"'{text}"
    assert from_text(cell) == text


@pytest.mark.parametrize('text', ['a', "'a", "'", '', 'a=b'])
def test_harmless_texts_stay(text):
    assert as_text(text) == from_text(text) == text
