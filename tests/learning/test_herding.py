"""Herding keeps the mean."""

import numpy as np

from mmaction_timesformer.learning.herding import herd, herd_groups


def test_the_chosen_have_the_mean_of_all():
    rows = np.random.default_rng(0).normal(size=(200, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean = rows.mean(axis=0)
    herded = np.linalg.norm(rows[herd(rows, 10)].mean(axis=0) - mean)
    generator = np.random.default_rng(1)
    drawn = [
        np.linalg.norm(rows[generator.permutation(200)[:10]].mean(axis=0) - mean)
        for _ in range(200)
    ]
    assert herded < min(drawn)


def test_the_first_is_the_most_typical_by_hand():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    # The mean of the unit vectors lies on the diagonal; next come both sides, the first of equals.
    assert herd(rows, 3) == [2, 0, 1]
    assert herd(rows, 1) == [2]


def test_each_group_gets_its_own():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    groups = [('a', 'gate')] * 20 + [('b', 'gate')] * 3 + [('a', 'hall')] * 7
    chosen = herd_groups(rows, groups, 5)
    assert chosen == sorted(chosen)
    assert [sum(groups[n] == group for n in chosen) for group in dict.fromkeys(groups)] == [5, 3, 5]
    assert {n - 23 for n in chosen if n >= 23} == set(herd(rows[23:], 5))
