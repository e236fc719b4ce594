"""Test a checkpoint. The arguments are those of mmaction2's own ``tools/test.py``."""

import argparse
import os
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('config', help='the config to test with')
    parser.add_argument(
        'checkpoint',
        help='the checkpoint to test, or the work folder of a training: its best, else its last',
    )
    parser.add_argument(
        '--work-dir',
        help="folder for logs and metrics; by default the config's work_dir, or "
        'work_dirs/NAME_OF_CONFIG',
    )
    parser.add_argument('--dump', metavar='FILE.pkl', help='pickle file for all predictions')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, such as test_dataloader.batch_size=1',
    )
    parser.add_argument('--show-dir', help='folder to draw predictions into')
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='show or draw every n-th sample')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds a window stays')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    del args.local_rank
    return args


def main() -> None:
    """Test as the command line says."""
    options = vars(parse_args())
    from mmaction_timesformer.engine.launch import EvaluationOptions, run_test

    config, checkpoint = options.pop('config'), options.pop('checkpoint')
    run_test(config, checkpoint, EvaluationOptions(**options))


if __name__ == '__main__':
    sys.exit(run_command(main))
