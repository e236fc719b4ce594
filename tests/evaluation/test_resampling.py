"""Intervals cover the truth as often as they say."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from mmaction_timesformer.evaluation import Predictions, classification_metrics
from mmaction_timesformer.evaluation.resampling import (
    interval,
    positive_interval,
    resampled_weights,
    share_interval,
)

TRIALS, RESAMPLES = 1000, 400
"""At 0.95 a thousand trials have a standard error of 0.007."""


def simulated_hits(num_groups, clips_per_group, spread, truth):
    """(TRIALS, N) booleans: test sets of a model whose accuracy over all recordings is the truth.

    Recordings differ in difficulty: the accuracy inside one is drawn from a beta distribution.
    """
    generator = np.random.default_rng(0)
    inside = generator.beta(truth / spread, (1 - truth) / spread, size=(TRIALS, num_groups))
    inside = np.repeat(inside, clips_per_group, axis=1)
    return generator.random(inside.shape) < inside


def coverage(find, values, truth, groups):
    """Share of test sets whose interval of the mean, by ``find``, covers the truth."""
    (weights,) = resampled_weights(groups, RESAMPLES)
    resampled = values @ weights.T / weights.sum(axis=1)
    limits = np.array(
        [
            find(of_set, point, groups.max() + 1)
            for of_set, point in zip(resampled, values.mean(axis=1), strict=True)
        ]
    )
    return ((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean()


@pytest.mark.parametrize(
    ('num_groups', 'clips_per_group', 'spread'), [(36, 5, 0.2), (12, 8, 0.5), (5, 8, 0.5)]
)
@pytest.mark.parametrize('truth', [0.7, 0.9, 0.95])
def test_intervals_over_recordings_cover_at_their_nominal_rate(
    num_groups, clips_per_group, spread, truth
):
    """Where a whole test set often has no error at all, the binomial bound covers more often."""
    hits = simulated_hits(num_groups, clips_per_group, spread, truth)
    groups = np.repeat(np.arange(num_groups), clips_per_group)
    faultless = hits.all(axis=1).mean()
    covered = coverage(share_interval, hits, truth, groups)
    assert 0.91 <= covered <= (0.98 if faultless < 0.1 else 1)


@pytest.mark.parametrize('truth', [0.7, 0.95])
def test_intervals_over_clips_cover_when_clips_are_independent(truth):
    hits = simulated_hits(160, 1, 1e-3, truth)
    assert 0.93 <= coverage(share_interval, hits, truth, np.arange(160)) <= 0.97


def test_intervals_over_clips_fail_when_recordings_differ():
    """Counterexample: the same sets, resampled as if clips were independent."""
    assert coverage(share_interval, simulated_hits(40, 8, 0.5, 0.7), 0.7, np.arange(320)) < 0.8


@pytest.mark.parametrize(
    ('num_groups', 'clips_per_group', 'spread'), [(36, 5, 0.2), (12, 8, 0.5), (6, 8, 0.5)]
)
@pytest.mark.parametrize('truth', [0.7, 0.9, 0.95])
def test_intervals_of_paired_differences_cover(num_groups, clips_per_group, spread, truth):
    """The second model has a third of the first's mistakes right and loses a twentieth of its hits.

    Where nothing or one clip changed there is no interval or hardly one: those sets do not count.
    """
    first = simulated_hits(num_groups, clips_per_group, spread, truth)
    changes = np.random.default_rng(1).random(first.shape) < np.where(first, 0.05, 1 / 3)
    differences = np.where(changes, np.where(first, -1, 1), 0)
    groups = np.repeat(np.arange(num_groups), clips_per_group)
    changed = differences.any(axis=1)
    expected = (1 - truth) / 3 - truth / 20
    assert 0.92 <= coverage(interval, differences[changed], expected, groups) <= 0.99


def test_intervals_of_losses_cover():
    """Log losses of recordings are skewed; their mean is 1."""
    generator = np.random.default_rng(0)
    losses = np.repeat(generator.gamma(2, 0.5, size=(TRIALS, 12)), 4, axis=1)
    groups = np.repeat(np.arange(12), 4)
    assert 0.92 <= coverage(positive_interval, losses, 1, groups) <= 0.97


def model_on_recordings(generator, num_groups, skill):
    """Three classes, five clips a recording; the model does well in some recordings."""
    labels = generator.integers(3, size=num_groups * 5)
    groups = np.repeat(np.arange(num_groups), 5)
    logits = generator.normal(size=(len(labels), 3))
    logits[np.arange(len(labels)), labels] += generator.normal(skill, 0.7, size=num_groups)[groups]
    recordings = pd.DataFrame({'recording': groups.astype(str)})
    return Predictions(softmax(logits, axis=1), labels, ('a', 'b', 'c'), recordings)


def test_intervals_of_other_figures_cover():
    """Of a class, of all classes, and of the loss; the truth is that of 10000 recordings.

    A hundred trials at 0.95 have a standard error of 0.022.
    """
    generator = np.random.default_rng(0)
    wanted = by_name(classification_metrics(model_on_recordings(generator, 10000, 2.5), 0))
    covered = []
    for _ in range(100):
        found = by_name(classification_metrics(model_on_recordings(generator, 16, 2.5), 100))
        covered.append({n: e.low <= wanted[n].value <= e.high for n, e in found.items()})
    shares = pd.DataFrame(covered).mean()
    # Of few clips it comes out too high, and its interval with it.
    del shares['calibration_error']
    assert shares.between(0.89, 1).all(), shares


def by_name(figures):
    """The metrics of the whole and of the first class."""
    return figures.whole | figures.per_class['a']


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
