"""Which items come first."""

import pytest

from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.web.items import Filters, Item
from mmaction_timesformer.web.queue import order_items

RULES = {'Digging': EventRule(enter=0.6, leave=0.4)}


def item(name, score, kind='window', seconds=0.0, other=0.0):
    scores = (score, other, 1 - score - other)
    return Item(name, kind, 'gate', 'Digging', seconds, seconds + 2, seconds + 1, score, scores)


def test_uncertain_is_what_lies_nearest_to_the_threshold():
    items = [item(name, score) for name, score in (('a', 0.05), ('b', 0.58), ('c', 0.7))]
    assert [i.id for i in order_items(items, RULES, 'uncertain')] == ['b', 'c', 'a']


def test_typical_is_the_middle_of_the_largest_cluster():
    """Two groups of four and of two: a middle of each before a second of any."""
    large = [item(f'large {n}', score) for n, score in enumerate((0.10, 0.11, 0.111, 0.16))]
    small = [item(f'small {n}', score, other=0.05) for n, score in enumerate((0.8, 0.81))]
    first, second, *_ = [i.id for i in order_items([*small, *large], RULES, 'typical')]
    assert first in ('large 1', 'large 2')
    assert second.startswith('small')


def test_mixed_takes_turns_and_shows_everything_once():
    items = [item(f'alarm {n}', 0.7 + n / 50, 'alarm') for n in range(4)]
    items += [item(f'window {n}', n / 50) for n in range(20)]
    ordered = order_items(items, RULES, 'mixed')
    assert sorted(i.id for i in ordered) == sorted(i.id for i in items)
    assert [i.id for i in ordered[:2]] == ['alarm 0', 'window 19']


def test_an_unknown_order_is_named():
    with pytest.raises(ValueError, match='mixed'):
        order_items([], RULES, 'best')


@pytest.mark.parametrize(
    ('filters', 'fits'),
    [
        (Filters(), True),
        (Filters(source='mast'), False),
        (Filters(label='Walking'), True),  # what a person made of it
        (Filters(kind='alarm'), False),
        (Filters(verdict='none'), False),
        (Filters(verdict='any'), True),
        (Filters(verdict='wrong'), False),
        (Filters(least=0.6), False),
        (Filters(since='10'), True),
        (Filters(until='10'), False),
    ],
)
def test_filters(filters, fits):
    state = {'says': 'relabel', 'label': 'Walking'}
    assert filters.fit(item('a', 0.5, seconds=10.0), state) is fits
