"""The penalty and the temperature are chosen on groups that the fit has not seen."""

import numpy as np
import pytest

from mmaction_timesformer.engine.loops.choosing import Rows, choose, fit_rows


def make_rows(shift, seed=0, number=240):
    """Six groups; each has an offset of its own, which a weak penalty learns."""
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    groups = np.arange(number) // 2 % 6
    offsets = generator.normal(scale=shift, size=(6, 30))
    signal = np.zeros((number, 30))
    signal[:, 0] = labels
    features = signal + offsets[groups] + generator.normal(scale=0.5, size=(number, 30))
    return Rows(features, labels, groups, np.ones(number))


def test_the_choice_is_the_best_on_left_out_groups():
    rows = make_rows(0.3)
    choice = choose(rows, 2, True, (0.01, 1.0, 30.0))
    losses = {
        strength: choose(rows, 2, True, (strength,)).log_loss for strength in (0.01, 1.0, 30.0)
    }
    assert choice.log_loss == min(losses.values())
    assert losses[choice.strength] == choice.log_loss


def test_what_is_said_of_new_groups_holds():
    said, held = [], []
    for seed in range(8):
        rows = make_rows(0.3, seed)
        choice = choose(rows, 2, True)
        fit = fit_rows(rows, 2, choice.strength, True)
        new = make_rows(0.3, 100 + seed)
        said.append(choice.accuracy)
        held.append((fit.logits(new.features).argmax(axis=1) == new.labels).mean())
    assert abs(np.mean(said) - np.mean(held)) < 0.05


def test_doubt_grows_with_the_difference_of_groups():
    same, other = choose(make_rows(0.0), 2, True), choose(make_rows(1.0), 2, True)
    assert other.log_loss > same.log_loss


def test_doubt_is_chosen_where_strange_groups_are_harder():
    """Half of the groups are far from the others, and their labels mean nothing."""
    rows = make_rows(0.0, number=480)
    strange = rows.groups >= 3
    generator = np.random.default_rng(1)
    features, labels = rows.features.copy(), rows.labels.copy()
    features[strange] += generator.normal(scale=4, size=(6, 30))[rows.groups[strange]]
    labels[strange] = generator.integers(0, 2, strange.sum())
    choice = choose(Rows(features, labels, rows.groups, rows.weights), 2, True)
    assert choice.doubt > 0
    assert choose(rows, 2, True).log_loss < choice.log_loss
    fit = fit_rows(rows, 2, choice.strength, True)
    near, far = (
        np.abs(np.diff(fit.calibrated(x, choice))) / np.abs(np.diff(fit.logits(x)))
        for x in (rows.features[:20], rows.features[:20] + 9)
    )
    assert near.min() > far.max()


def test_one_group_is_refused():
    rows = make_rows(0.0)
    with pytest.raises(ValueError, match='one only'):
        choose(Rows(rows.features, rows.labels, 0 * rows.groups, rows.weights), 2, True)
