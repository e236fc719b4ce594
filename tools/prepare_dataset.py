"""Divide a folder of videos into train, val and test; write lists and a config to train on."""

import argparse
import sys
from pathlib import Path

from video_clips.commands import command_parser, num_cores, run_command

CONFIGS = Path(__file__).parents[1] / 'configs'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    source = parser.add_argument_group('what to divide')
    source.add_argument(
        'folder',
        help='folder of the videos: a subfolder for each class, or train, val and test with those '
        'in them; with --csv what its paths are relative to',
    )
    source.add_argument(
        '--csv', type=Path, metavar='FILE', help='clips and labels: columns path and label'
    )
    source.add_argument('--classes', metavar='NAMES', help='in index order, by commas, or a file')
    source.add_argument(
        '--report',
        type=Path,
        metavar='FOLDER',
        help="data_analysis' report of these videos, so that they are not measured again; "
        'work_dirs/report and dataset_report are found',
    )
    groups = parser.add_argument_group('what must stay together (equal files always do)')
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
    recipe = parser.add_argument_group('what to train, and to detect')
    recipe.add_argument(
        '--preset',
        choices=('cpu', 'patches', 'scratch', 'gpu', 'pretrained'),
        help='cpu: a frozen ImageNet network and a ridge regression; scratch: a small model from '
        'nothing; gpu: a larger one; pretrained: the base model from Kinetics-400 weights '
        '(default: gpu where there is one, else cpu)',
    )
    recipe.add_argument(
        '--base-config',
        type=Path,
        metavar='FILE',
        help='a config of your own, in place of --preset',
    )
    recipe.add_argument(
        '--copies',
        choices=('auto', 'always', 'never'),
        default='auto',
        help='train on small copies of the videos, by default where that is much faster',
    )
    recipe.add_argument(
        '--dangers',
        metavar='NAMES',
        help='classes that raise alarms in detection (default: all whose names do not read as '
        'background, such as Other or normal)',
    )
    output = parser.add_argument_group('what to write')
    output.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    output.add_argument('--workers', type=int, default=num_cores(), metavar='N')
    output.add_argument('--timeout', type=float, default=60.0, metavar='SECONDS', help='for a file')
    return parser.parse_args()


def main() -> int:
    """Prepare as the command line says."""
    options = parse_args()
    from data_analysis.splitting.command import run_preparation

    return run_preparation(options, CONFIGS)


if __name__ == '__main__':
    sys.exit(run_command(main))
