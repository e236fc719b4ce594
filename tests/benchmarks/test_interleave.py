import pytest

from benchmarks.interleave import Spread, Timings, time_in_turn


def test_every_round_runs_each_once_and_starts_with_another():
    ran = []
    contenders = {name: (lambda name=name: ran.append(name)) for name in 'abc'}
    timings = time_in_turn(contenders, num_rounds=3, num_warm_up=1)
    assert ''.join(ran) == 'abc' + 'abc' + 'bca' + 'cab'
    assert {name: len(values) for name, values in timings.seconds.items()} == dict(a=3, b=3, c=3)


def test_ratios_are_taken_within_a_round():
    """A machine that slows down meets both: the ratio stays, the medians do not show it."""
    timings = Timings({'slow': [2.0, 20.0, 200.0], 'fast': [1.0, 10.0, 100.0]})
    assert timings.ratio('slow', 'fast') == Spread(2.0, 2.0, 2.0)
    assert timings.as_dict('fast')['slow'] == {
        'seconds': dict(median=20.0, lower=11.0, upper=110.0),
        'times_fast': dict(median=2.0, lower=2.0, upper=2.0),
    }


def test_spread_of_one_and_of_many():
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0)
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]).text(1) == '3.0 (2.0 to 4.0)'


def test_no_rounds_are_refused():
    with pytest.raises(ValueError, match='num_rounds=0'):
        time_in_turn({'a': int}, num_rounds=0)
