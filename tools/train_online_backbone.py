"""Train the backbone of an online model on untrimmed recordings, every frame with its label.

Writes a checkpoint for tools/extract_features.py; tools/train_online.py then trains the head.
"""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config of an OnlineRecognizer')
    parser.add_argument('recordings', help='folder of the recordings that the truth names')
    parser.add_argument('truth', help='true events, as tools/evaluate_events.py reads them')
    parser.add_argument('--out', required=True, help='the checkpoint to write')
    parser.add_argument('--init', help='weights to start from: clip models, image ViTs')
    parser.add_argument(
        '--margin-seconds',
        type=float,
        default=0.0,
        help='frames this close to the start or end of an event do not count (%(default)s)',
    )
    parser.add_argument(
        '--hidden-steps',
        type=int,
        default=0,
        help='steps before that without labels: predict hidden patches (%(default)s)',
    )
    parser.add_argument('--steps', type=int, default=700, help='of the optimizer (%(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Do as the command line says."""
    arguments = vars(parse_args())
    from mmaction_timesformer.detection.online_training_command import (
        BackboneArguments,
        train_backbone_command,
    )

    train_backbone_command(BackboneArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
