"""Extract features of whole recordings, each with its time, for the training of an online head.

Every recording gives OUT/NAME.npz with `features`, `seconds` and `made_by`. Files that are there
already are left alone, so a run that was ended goes on when it is started again.
"""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help="the model's config: an OnlineRecognizer or one of clips")
    parser.add_argument('checkpoint', help='the trained weights')
    parser.add_argument('sources', nargs='+', metavar='source', help='video file, folder or glob')
    parser.add_argument('--out', required=True, help='folder for the feature files')
    parser.add_argument('--device', default='cpu', help='where the model runs, such as cuda:0')
    parser.add_argument(
        '--step-seconds',
        type=float,
        help="distance of features, for a model of clips; by default detection's hop",
    )
    return parser.parse_args()


def main() -> None:
    """Do as the command line says."""
    arguments = vars(parse_args())
    from mmaction_timesformer.detection.online_training_command import (
        ExtractArguments,
        extract_command,
    )

    extract_command(ExtractArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
