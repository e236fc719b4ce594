"""Learning at once: seconds for twenty corrections, and how far the result is from one fit.

The statistics hold as many clips as named, of 2880 features as the default head has, from four
classes; the corrections bring a fifth, relabel old clips and take some out.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.record import Record, table
from mmaction_timesformer.models.heads.ridge import RidgeStatistics

NUM_FEATURES, NUM_CLASSES, STRENGTH = 2880, 4, 0.1
NUM_CORRECTIONS, REPEATS = 20, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this part."""
    parser.add_argument('--clips', type=int, nargs='+', default=(1000, 4000))


def run(options: argparse.Namespace) -> None:
    """Measure and write the record."""
    rows = [measure(number) for number in options.clips]
    Record(
        'increments',
        'Twenty corrections of a closed-form head',
        dict(
            features=NUM_FEATURES,
            classes=NUM_CLASSES,
            corrections=f'{NUM_CORRECTIONS}: a new class, relabelled and forgotten clips',
            repeats=REPEATS,
        ),
        rows,
        [
            'Features of the clips aside; processor time of one thread, medians. The first fit is '
            'that of a page or a command that begins. The difference is that of decisions, from '
            'one fit of all clips as they are in the end.',
            '',
            *table(list(rows[0]), [list(row.values()) for row in rows]),
        ],
    ).write(options.out)


def measure(num_rows: int) -> dict[str, Any]:
    """Learn corrections on top of so many rows."""
    generator = np.random.default_rng(0)
    labels = generator.integers(NUM_CLASSES, size=num_rows)
    centres = generator.normal(size=(NUM_CLASSES + 1, NUM_FEATURES))
    rows = centres[labels] + generator.normal(scale=3, size=(num_rows, NUM_FEATURES))
    new = centres[-1] + generator.normal(scale=3, size=(NUM_CORRECTIONS // 2, NUM_FEATURES))
    first, seconds, part = [], [], NUM_CORRECTIONS // 4
    for _ in range(REPEATS):
        statistics = RidgeStatistics(NUM_CLASSES, NUM_FEATURES)
        statistics.add(rows, labels.tolist(), names=[str(number) for number in range(num_rows)])
        started = time.process_time()
        statistics.solve(STRENGTH)
        first.append(time.process_time() - started)
        started = time.process_time()
        statistics.grow(NUM_CLASSES + 1)
        _take_back(statistics, rows[: 2 * part], labels[: 2 * part])
        relabelled = (labels[:part] + 1) % NUM_CLASSES
        statistics.add(rows[:part], relabelled.tolist())
        statistics.add(new, [NUM_CLASSES] * len(new))
        weight, bias = statistics.solve(STRENGTH)
        seconds.append(time.process_time() - started)
    whole = RidgeStatistics(NUM_CLASSES + 1, NUM_FEATURES)
    whole.add(rows[:part], relabelled.tolist())
    whole.add(rows[2 * part :], labels[2 * part :].tolist())
    whole.add(new, [NUM_CLASSES] * len(new))
    expected = whole.solve(STRENGTH)
    asked = np.concatenate([rows[:200], new])
    difference = np.abs(asked @ (weight - expected[0]).T + bias - expected[1]).max()
    return {
        'rows before': num_rows,
        'kept by name': sum(len(names) for *_, names in statistics.kept()),
        'first fit, seconds': f'{np.median(first):.2f}',
        'corrections, seconds': f'{np.median(seconds):.2f}',
        'longest': f'{max(seconds):.2f}',
        'difference from one fit': f'{difference:.1e}',
    }


def _take_back(statistics: RidgeStatistics, rows: np.ndarray, labels: np.ndarray) -> None:
    """Forget rows, by name where they are kept."""
    for number, (row, label) in enumerate(zip(rows, labels.tolist(), strict=True)):
        if not statistics.forget({str(number)}):
            statistics.add(row[None], [label], np.array([-1.0]))
