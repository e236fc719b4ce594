"""Divide a folder of videos into train, val and test; write lists and a config to train on."""

import argparse
import os
import sys
from pathlib import Path

from data_analysis.splitting.command import run_preparation

BASE_CONFIG = (
    Path(__file__).parents[1]
    / 'configs'
    / 'railway_yard'
    / 'timesformer_divST-tiny_scratch_1xb16-amp-8x32x1-60e_railway-yard-rgb.py'
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_argument_group('what to divide')
    source.add_argument('folder', help='folder of the videos; with a subfolder per class, or --csv')
    source.add_argument(
        '--csv', type=Path, metavar='FILE', help='clips and labels, paths in folder'
    )
    source.add_argument('--classes', metavar='NAMES', help='in index order, by commas, or a file')
    groups = parser.add_argument_group(
        'what must stay together (bytes that are the same always do)'
    )
    groups.add_argument('--group-regex', metavar='REGEX', help='recording in the path, "rec\\d+"')
    groups.add_argument('--group-column', metavar='NAME', help='CSV column of recordings')
    groups.add_argument(
        '--group-from-scenes', action='store_true', help='clips whose thumbnails look alike'
    )
    division = parser.add_argument_group('how to divide')
    division.add_argument('--val', type=float, default=0.1, metavar='SHARE')
    division.add_argument('--test', type=float, default=0.2, metavar='SHARE')
    division.add_argument('--folds', type=int, default=0, metavar='K', help='cross-validation')
    division.add_argument(
        '--leave-one-group-out', action='store_true', help='a fold for each recording'
    )
    division.add_argument(
        '--fractions',
        type=int,
        nargs='+',
        default=(),
        metavar='PERCENT',
        help='nested parts of train to list, too, e.g. 25 50 75 100',
    )
    division.add_argument('--seed', type=int, default=0)
    division.add_argument('--allow-leak', action='store_true', help='write a split that leaks')
    output = parser.add_argument_group('what to write')
    output.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    output.add_argument('--base-config', type=Path, default=BASE_CONFIG, metavar='FILE')
    output.add_argument('--workers', type=int, default=os.cpu_count() or 1, metavar='N')
    output.add_argument('--timeout', type=float, default=60.0, metavar='SECONDS', help='for a file')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(run_preparation(parse_args()))
