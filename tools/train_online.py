"""Train the head of an online model on features of untrimmed recordings.

Writes OUT/model.pth, the whole model for tools/detect.py, and with --val-features and --val-truth
OUT/metrics.json, the per-frame metrics of recordings that were not trained on.
"""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config of an OnlineRecognizer')
    parser.add_argument('backbone', help='the checkpoint that the features were extracted with')
    parser.add_argument('features', help='folder that tools/extract_features.py has written')
    parser.add_argument('truth', help='true events, as tools/evaluate_events.py reads them')
    parser.add_argument('--out', required=True, help='folder for the model')
    parser.add_argument('--val-features', help='features of other recordings, for the metrics')
    parser.add_argument('--val-truth', help='their true events')
    parser.add_argument(
        '--margin-seconds',
        type=float,
        default=0.0,
        help='frames this close to the start or end of an event do not count (%(default)s)',
    )
    parser.add_argument('--steps', type=int, default=1500, help='of the optimizer (%(default)s)')
    parser.add_argument(
        '--max-frames', type=int, default=128, help='longest window trained on (%(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Do as the command line says."""
    arguments = vars(parse_args())
    from mmaction_timesformer.detection.online_training_command import (
        HeadArguments,
        train_head_command,
    )

    train_head_command(HeadArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
