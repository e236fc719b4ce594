import time

import pytest

from data_analysis.measuring.worker_pool import Workers, run_in_processes
from tests.data_analysis.misbehaving import FOR_EVER, double, misbehave


@pytest.mark.parametrize('num_workers', [0, 2])
def test_every_item_has_one_outcome(num_workers: int) -> None:
    outcomes = list(run_in_processes(double, range(20), Workers(num_workers, 30)))
    assert {outcome.item: outcome.value for outcome in outcomes} == {n: 2 * n for n in range(20)}
    assert all(outcome.failure is None for outcome in outcomes)


def test_items_that_hang_die_or_raise_harm_no_other() -> None:
    items = ['a', 'hang', 'b', 'die', 'c', 'raise', 'd', 'e']
    started = time.monotonic()
    outcomes = {
        outcome.item: outcome for outcome in run_in_processes(misbehave, items, Workers(2, 4))
    }
    assert time.monotonic() - started < FOR_EVER
    assert outcomes['hang'].failure == 'timed_out'
    assert '4 seconds' in outcomes['hang'].reason
    assert outcomes['die'].failure == 'crashed'
    assert 'ended with 13' in outcomes['die'].reason
    assert (outcomes['raise'].failure, outcomes['raise'].reason) == (
        'raised',
        'ValueError: as asked',
    )
    assert [outcomes[name].value for name in 'abcde'] == list('abcde')


def test_without_workers_an_error_is_an_outcome_too() -> None:
    (outcome,) = run_in_processes(misbehave, ['raise'], Workers(0, 1))
    assert (outcome.failure, outcome.reason) == ('raised', 'ValueError: as asked')


def test_items_are_drawn_as_they_are_needed() -> None:
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    outcomes = run_in_processes(double, items(), Workers(2, 30))
    next(outcomes)
    assert len(drawn) <= 3
    assert len(list(outcomes)) == 999


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match='num_workers'):
        next(run_in_processes(double, [1], Workers(-1, 1)))
    with pytest.raises(ValueError, match='timeout_seconds'):
        next(run_in_processes(double, [1], Workers(1, 0)))
