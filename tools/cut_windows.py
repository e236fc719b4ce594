"""Cut long recordings with known events into windows to train on, as a detector will see them."""

import argparse
import sys
from pathlib import Path

from mmaction_timesformer.datasets import RailwayYardDataset
from mmaction_timesformer.detection.training_windows import write_windows


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add('recordings', type=Path, help='folder of the videos')
    add('truth_file', type=Path, metavar='truth', help='as tools/evaluate_events.py has it')
    add('--out', type=Path, required=True, metavar='CSV', help='annotation file to write')
    add('--classes', nargs='+', default=RailwayYardDataset.METAINFO['classes'], help='in order')
    add('--span-seconds', type=float, default=4.0, help="length of the detector's windows")
    add('--hop-seconds', type=float, default=0.5, help='from one to the next')
    add(
        '--others-per-danger',
        type=float,
        default=3.0,
        metavar='N',
        help='windows without a danger that are kept for each one with',
    )
    add('--seed', type=int, default=0, help='of the choice')
    return parser.parse_args()


def main() -> int:
    """Write the list and say what is in it."""
    options = parse_args()
    try:
        counts = write_windows(**vars(options))
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{options.out}: ' + ', '.join(f'{count} {name}' for name, count in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
