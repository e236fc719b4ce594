"""Measure the speed of the dataset analysis, and its memory on a large set, for the record."""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from data_analysis.benchmarking import (
    machine,
    make_large_set,
    measure_speed,
    run_interrupted,
    write_record,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='folder with a subfolder of videos per class')
    parser.add_argument('--out', type=Path, default=Path('benchmarks'), metavar='FOLDER')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument(
        '--large', type=int, default=0, metavar='N', help='also a set of N links, killed once'
    )
    parser.add_argument('--kill-after', type=float, default=30.0, metavar='SECONDS')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, metavar='N')
    return parser.parse_args()


def main() -> None:
    """Measure and write the record."""
    options = parse_args()
    record = {
        'machine': machine(),
        'set': options.folder.resolve().name,
        'speed': measure_speed(options.folder, options.repeats),
    }
    if options.large:
        with TemporaryDirectory() as folder:
            target = Path(folder) / 'large'
            make_large_set(options.folder, target, options.large)
            record['large_set'] = {
                'clips': options.large,
                'workers': options.workers,
                **run_interrupted(
                    target, Path(folder) / 'report', options.workers, options.kill_after
                ),
            }
    write_record(record, options.out)


if __name__ == '__main__':
    main()
