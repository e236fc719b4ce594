"""When frames are shown that have no time stamp of their own."""

import numpy as np
import pytest

from video_clips.reading.frame_index import _fill_gaps

NAN = float('nan')


@pytest.mark.parametrize(
    ('seconds', 'filled'),
    [
        ([5.0, NAN, NAN, 5.3, 5.4], [0, 0.1, 0.2, 0.3, 0.4]),
        ([NAN, 1.0, NAN, 2.0, NAN], [0, 0.04, 0.54, 1.04, 1.08]),
        ([NAN, NAN, NAN], [0, 0.04, 0.08]),
        ([7.0], [0]),
        ([2.0, 1.0, 3.0], [0, 0.04, 0.08]),
    ],
)
def test_unknown_times_lie_between_the_known_ones(seconds, filled):
    np.testing.assert_allclose(_fill_gaps(np.array(seconds), 0.04), filled)
