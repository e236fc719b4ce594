"""Smoothing against numpy, and that it needs no more future than it says."""

import math

import numpy as np
import pytest

from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.smoothing import Sample, make_smoother


def smooth(rule, moments, values):
    smoother = make_smoother(rule)
    given = []
    for moment, value in zip(moments, values, strict=True):
        given += smoother.push(Sample(moment, value, moment + 0.5))
    return given + smoother.finish()


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return np.cumsum(rng.uniform(0.1, 1.5, 100)), rng.uniform(0, 1, 100)


def test_none_changes_nothing(samples):
    given = smooth(EventRule('none'), *samples)
    assert [sample.value for sample in given] == samples[1].tolist()


def test_causal_average_forgets_by_time():
    values = [s.value for s in smooth(EventRule('ema', 2.0), [0.0, 2.0, 6.0], [1.0, 0.0, 0.0])]
    assert values == pytest.approx([1.0, math.exp(-1), math.exp(-3)])


def test_causal_average_does_not_depend_on_how_often_it_is_asked():
    rule = EventRule('ema', 2.0)
    seldom = smooth(rule, [0.0, 4.0], [1.0, 0.0])[-1].value
    often = smooth(rule, np.linspace(0, 4, 41), [1.0] + [0.0] * 40)[-1].value
    assert seldom == pytest.approx(often)


def test_centred_mean_equals_numpy(samples):
    moments, values = samples
    given = smooth(EventRule('centred', 3.0), moments, values)
    near = np.abs(moments[:, None] - moments) <= 1.5
    assert [s.seconds for s in given] == moments.tolist()
    assert [s.value for s in given] == pytest.approx((near @ values) / near.sum(axis=1))


def test_centred_mean_waits_for_half_its_width_and_no_longer():
    smoother = make_smoother(EventRule('centred', 2.0))
    assert smoother.push(Sample(0.0, 1.0, 0.5)) == []
    assert smoother.push(Sample(1.0, 0.0, 1.5)) == []
    assert smoother.push(Sample(2.0, 0.0, 2.5)) == [Sample(0.0, 0.5, 2.5)]


@pytest.mark.parametrize('smoothing', ['ema', 'centred'])
def test_begins_anew_after_the_end(smoothing):
    smoother = make_smoother(EventRule(smoothing, 2.0))
    smoother.push(Sample(0.0, 1.0, 0.0))
    smoother.finish()
    assert (smoother.push(Sample(0.5, 0.0, 0.0)) + smoother.finish())[0].value == 0.0
