"""Intervals cover the truth as often as they say."""

import numpy as np
import pytest

from mmaction_timesformer.evaluation.resampling import (
    interval,
    resampled_weights,
    share_interval,
)


def coverage(num_groups, clips_per_group, spread, by_group, trials=400, truth=0.7):
    """Share of simulated test sets whose interval of the accuracy covers the truth.

    Recordings differ in difficulty: the accuracy inside one is drawn from a beta distribution.
    """
    generator = np.random.default_rng(0)
    covered = 0
    groups = np.repeat(np.arange(num_groups), clips_per_group)
    for trial in range(trials):
        odds = truth / spread, (1 - truth) / spread
        inside = generator.beta(*odds, size=num_groups)[groups]
        hits = generator.random(len(groups)) < inside
        units = groups if by_group else np.arange(len(groups))
        blocks = [w @ hits / w.sum(axis=1) for w in resampled_weights(units, 400, seed=trial)]
        low, high = interval(np.concatenate(blocks), hits.mean(), int(units.max()) + 1)
        covered += low <= truth <= high
    return covered / trials


# 400 trials at 0.95 have a standard error of 0.011.
@pytest.mark.parametrize('num_groups', [12, 40])
def test_intervals_over_recordings_cover_at_their_nominal_rate(num_groups):
    assert 0.92 <= coverage(num_groups, 8, spread=0.5, by_group=True) <= 0.98


def test_intervals_over_clips_cover_when_clips_are_independent():
    assert 0.92 <= coverage(160, 1, spread=1e-3, by_group=False) <= 0.98


def test_intervals_over_clips_fail_when_recordings_differ():
    """What the house is protected from: the same sets, resampled as if clips were independent."""
    assert coverage(40, 8, spread=0.5, by_group=False) < 0.8


def test_the_clips_of_a_group_stay_together():
    groups = np.array([0, 0, 1, 2, 2, 2])
    (weights,) = resampled_weights(groups, num_resamples=50)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_blocks_do_not_change_the_draw(monkeypatch):
    groups = np.arange(7)
    (whole,) = resampled_weights(groups, 20, seed=3)
    monkeypatch.setattr('mmaction_timesformer.evaluation.resampling._MAX_WEIGHTS', 21)
    blocks = list(resampled_weights(groups, 20, seed=3))
    assert len(blocks) == 7
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_a_perfect_score_has_the_binomial_bound():
    """Twenty of twenty right: rates below 0.025 ** (1 / 20) = 0.832 would show this too rarely."""
    assert share_interval(np.ones(100), 1.0, 20) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert share_interval(np.zeros(100), 0.0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))


def test_one_group_or_nothing_defined_gives_no_interval():
    assert np.isnan(interval(np.ones(10), 0.5, 1)).all()
    assert np.isnan(interval(np.full(10, np.nan), np.nan, 9)).all()


def test_resamples_that_all_agree_tell_nothing():
    """Every recording has a third right: they do not differ, and four of them prove little."""
    assert np.isnan(share_interval(np.full(100, 1 / 3), 1 / 3, 4)).all()
    assert np.isnan(interval(np.zeros(100), 0.0, 20)).all()
