"""Fit a temperature on validation clips and store it in a checkpoint, where tools use it."""

import argparse
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('config', help="the model's config")
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', metavar='FILE', help='checkpoint to write (default: the same)')
    parser.add_argument('--work-dir', help='folder for the log')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, such as data_root=FOLDER',
    )
    return parser.parse_args()


def main() -> None:
    """Calibrate as the command line says."""
    options = vars(parse_args())
    import mmaction_timesformer  # noqa: F401  (registers the models)
    from mmaction_timesformer.engine.calibration import calibrate

    print(calibrate(**options))


if __name__ == '__main__':
    sys.exit(run_command(main))
