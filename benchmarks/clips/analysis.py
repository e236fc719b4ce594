"""The analysis of a dataset: clips a second of each tier, and memory on a large set, killed once.

The large set is made of hard links to the given one, so it costs the disk nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.clips.analysis_runs import make_large_set, measure_speed, run_interrupted
from benchmarks.record import Record, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parser.add_argument('folder', type=Path, help='folder with a subfolder of videos per class')
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='(%(default)s)')
    parser.add_argument(
        '--large', type=int, default=20_000, metavar='N', help='clips; 0 for none (%(default)s)'
    )
    parser.add_argument(
        '--kill-after', type=float, default=30.0, metavar='SECONDS', help='(%(default)s)'
    )
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count() or 1, metavar='N', help='(%(default)s)'
    )


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    results: dict[str, Any] = {'speed': measure_speed(options.folder, options.repeats)}
    if options.large:
        with TemporaryDirectory() as folder:
            target, report = Path(folder) / 'large', Path(folder) / 'report'
            make_large_set(options.folder, target, options.large)
            results['large_set'] = run_interrupted(
                target, report, options.workers, options.kill_after
            )
    Record(
        'analysis',
        'Speed and memory of the dataset analysis',
        {
            'set': options.folder.resolve().name,
            'repeats': options.repeats,
            'clips of the large set': options.large,
            'workers on the large set': options.workers,
        },
        results,
        _tables(results, options.large),
        packages=('av', 'numpy', 'pandas', 'scikit-learn'),
    ).write(options.out)


def _tables(results: dict[str, Any], num_large: int) -> list[str]:
    lines = [
        'One process. A second of CPU is what a core of its own would take.',
        '',
        *table(
            ('tier', 'clips', 'clips/s, median', 'slowest to fastest run', 'clips/s of CPU'),
            [
                (
                    row['tier'],
                    row['clips'],
                    row['clips_per_second'],
                    f'{row["slowest"]} to {row["fastest"]}',
                    row['clips_per_cpu_second'],
                )
                for row in results['speed']
            ],
        ),
    ]
    if large := results.get('large_set'):
        lines += [
            f'{num_large:,} clips: the run is killed, with all its processes, and started again.',
            '',
            *table(
                ('second run', 'value'),
                [(key.replace('_', ' '), f'{value:,}') for key, value in large.items()],
            ),
        ]
    return lines
