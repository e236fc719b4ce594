"""Compare the events that detection found with true ones, or tune its thresholds on them.

Prints precision, recall, F1 and average precision at each threshold of overlap in time (tIoU),
false alarms per hour and the delay from the start of an event to its alarm, with 95 % intervals.
"""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('predictions', help='the folder that tools/detect.py has written')
    parser.add_argument(
        'truth',
        help='true events: JSON {"yard.mp4": {"duration_seconds": .., "events": [..]}}, or CSV '
        'with source, label, start_seconds, end_seconds',
    )
    parser.add_argument('--out', help='JSON file for the metrics')
    parser.add_argument(
        '--thresholds', type=float, nargs='+', default=[0.3, 0.5, 0.7], help='of tIoU'
    )
    parser.add_argument(
        '--tune',
        type=float,
        metavar='RATE',
        help='choose the thresholds of each class for at most RATE false alarms per hour in all',
    )
    parser.add_argument('--write', metavar='CONFIG', help='write the chosen rules to this config')
    parser.add_argument('--config', help='the config that it builds on')
    return parser.parse_args()


def main() -> int:
    """Evaluate or tune as the command line says."""
    arguments = vars(parse_args())
    from mmaction_timesformer.detection.quality.command import EvaluateArguments, evaluate_command

    return evaluate_command(EvaluateArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
