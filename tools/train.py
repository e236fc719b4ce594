"""Train a recognizer. Arguments are those of mmaction2's own ``tools/train.py``, and one more."""

import argparse
import os
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('config', help='the config to train')
    parser.add_argument(
        '--work-dir',
        help="folder for logs and checkpoints; by default the config's work_dir, or "
        'work_dirs/NAME_OF_CONFIG',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint; without a value, from the last one in the work folder',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='leave validation out')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate by the total batch size over the config's base_batch_size",
    )
    parser.add_argument('--seed', type=int, help='seed of all random numbers')
    parser.add_argument(
        '--diff-rank-seed', action='store_true', help='add the rank to the seed in every process'
    )
    parser.add_argument(
        '--deterministic', action='store_true', help='use deterministic algorithms only'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, such as model.backbone.arch=tiny',
    )
    parser.add_argument(
        '--processes',
        type=int,
        default=1,
        metavar='N',
        help='processes of this machine that share each batch; on a CPU one a core or two is fast',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    del args.local_rank
    return args


def main() -> None:
    """Train as the command line says."""
    options = vars(parse_args())
    print(f'Reading {options["config"]} and loading PyTorch ...', flush=True)
    from mmaction_timesformer.engine.launch import TrainingOptions, run_training

    run_training(options.pop('config'), TrainingOptions(**options))


if __name__ == '__main__':
    sys.exit(run_command(main))
