"""Parts of the record of online models that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.detection.stream_speed import NAIVE, _state_bytes, time_moment
from benchmarks.detection.stream_trial import _scores_at
from benchmarks.models.peers import Setup
from mmaction_timesformer.detection.events.tracker import ScoredWindow


def test_a_moment_has_the_scores_of_the_nearest_window():
    windows = [ScoredWindow(2.0, 4.0, (0.1, 0.9)), ScoredWindow(3.0, 5.0, (0.6, 0.4))]
    scores = _scores_at(windows, np.array([0.0, 2.4, 2.6, 9.0]))
    assert scores[:, 0].tolist() == [0.1, 0.1, 0.6, 0.6]


def test_the_size_of_a_state_is_that_of_its_tensors():
    state = {
        'a': torch.zeros(3, dtype=torch.float32),
        'b': {'c': [torch.zeros(2).double()]},
        'n': 4,
    }
    assert _state_bytes(state) == 3 * 4 + 2 * 8


def test_every_way_to_go_one_frame_further_is_timed():
    setup = Setup(num_frames=4, img_size=32, embed_dims=24, num_heads=2, num_layers=1)
    timings = time_moment(2, setup)
    assert timings.ratio(NAIVE, NAIVE).median == 1
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in timings.seconds.values())
