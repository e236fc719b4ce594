"""The order of the review queue: answers given against the events found on another day.

A reviewer who knows the truth answers a day's items in one order or another. After some answers the
closed-form head has learned them, and events are found on the other day, by the same rules.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.learning.reviewing import review
from benchmarks.learning.watching import Day
from benchmarks.learning.yards import MINUTES, Yard
from benchmarks.record import Record, table
from mmaction_timesformer.detection.quality.command import Results, figures_of
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.web.items import Item
from mmaction_timesformer.web.queue import order_items

COUNTS = (0, 10, 20, 40, 80, 160)
ORDERS = ('mixed', 'uncertain', 'typical', 'score')
NUM_RANDOM = 5
DAYS = (7401, 7402)
"""Seeds of days on which nothing was chosen; one is answered, events are found on the other."""
THRESHOLD = 0.3

Curve = list[dict[str, float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this part."""
    parser.add_argument('--demo', type=Path, default=Path('work_dirs/demo'), help='of make demo')
    parser.add_argument('--folder', type=Path, default=Path('work_dirs/review_hour'))
    parser.add_argument('--days', type=int, nargs=2, default=DAYS, help='seeds of two days')


def run(options: argparse.Namespace) -> None:
    """Measure every order and write the record."""
    yard = Yard(options.demo, options.folder)
    days = [yard.watched(seed) for seed in options.days]
    curves: dict[str, list[Curve]] = {}
    for pool, other in (days, days[::-1]):
        for name, items in orders_of(pool):
            curves.setdefault(name, []).append(curve(yard, pool, other, items))
    settings = {
        'days': ', '.join(map(str, options.days)),
        'hours a day': MINUTES / 60,
        'items': ', '.join(str(len(day.items)) for day in days),
        'random orders of each day': NUM_RANDOM,
        'model': "the demo's TimeSformer with a closed-form head",
        'rules': "the demo config's",
    }
    title = 'Order of the review queue: answers given against events found on another day'
    Record('active-choice', title, settings, curves, summary(curves)).write(options.out)


def orders_of(day: Day) -> list[tuple[str, list[Item]]]:
    """Each order of a day's items; several at random."""
    orders = [(name, order_items(day.items, day.results.rules, name)) for name in ORDERS]
    generator = np.random.default_rng(0)
    for _ in range(NUM_RANDOM):
        places = generator.permutation(len(day.items))
        orders.append(('random', [day.items[place] for place in places]))
    return orders


def curve(yard: Yard, pool: Day, other: Day, items: Sequence[Item]) -> Curve:
    """The figures after each number of answers."""
    rows = []
    for count in COUNTS:
        learner = Learner.open(yard.model()[1], yard.folder / 'lineage' / 'features')
        if count:
            learner.learn(review(pool, items[:count], learner.classes))
        rows.append({'answers': count, **measure(other.with_head(learner.trained))})
    return rows


def measure(found: Results) -> dict[str, float]:
    """F1, recall and false alarms per hour."""
    whole = figures_of(found, (THRESHOLD,))[0]
    names = ('f1', 'recall', 'false_alarms_per_hour')
    return {name: float(getattr(whole, name).value) for name in names}


def summary(curves: Mapping[str, Sequence[Curve]]) -> list[str]:
    """The figures in Markdown: means over days and orders, and the range of F1."""
    rows = []
    for name, several in curves.items():
        cells = [name]
        for place in range(len(COUNTS)):
            found = [curve[place] for curve in several]
            f1 = [row['f1'] for row in found]
            alarms = np.mean([row['false_alarms_per_hour'] for row in found])
            cells.append(f'{np.mean(f1):.3f} ({min(f1):.2f} to {max(f1):.2f}), {alarms:.0f}')
        rows.append(cells)
    return [
        f'F1 at tIoU {THRESHOLD} (lowest to highest), and false alarms per hour.',
        '',
        *table(['order', *(f'{count} answers' for count in COUNTS)], rows),
    ]
