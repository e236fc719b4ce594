"""Sizes as mmcv rounds them."""

import mmcv
import numpy as np
import pytest

from video_clips.reading.pictures import fit_short_side


@pytest.mark.parametrize(
    ('width', 'height'), [(320, 240), (240, 320), (1920, 1080), (333, 127), (100, 100)]
)
@pytest.mark.parametrize('short_side', [256, 224, 17])
def test_fit_short_side_is_what_resize_does(width, height, short_side):
    expected = mmcv.rescale_size((width, height), (np.inf, short_side))
    assert fit_short_side(width, height, short_side) == expected
    assert fit_short_side(width, height, None) == (width, height)
