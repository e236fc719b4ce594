"""Let a TimeSformer learn from videos without labels what an image network sees in them.

Its checkpoint is a training's ``load_from``. The arguments behind VIDEOS are those of training.
"""

import argparse
import sys
from pathlib import Path

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('config', help='the config: one of configs/pretraining, or your own')
    parser.add_argument('videos', type=Path, help='folder of videos, whose subfolders count')
    parser.add_argument(
        '--leave-out',
        nargs='+',
        default=[],
        metavar='FILE',
        help='annotation files of videos not to learn from: those of the test',
    )
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint; without a value, from the last one in the work folder',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument('--seed', type=int, help='seed of all random numbers')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='replace values of the config, such as model.backbone.attention_type=space_only',
    )
    return parser.parse_args()


def main() -> None:
    """Pretrain as the command line says."""
    options = vars(parse_args())
    videos, leave_out = options.pop('videos'), options.pop('leave_out')
    dataset = 'train_dataloader.dataset'
    options['cfg_options'] = {
        f'{dataset}.data_root': str(videos),
        f'{dataset}.leave_out': leave_out,
        **options['cfg_options'],
    }
    print(f'Reading {options["config"]} and loading PyTorch ...', flush=True)
    from mmaction_timesformer.engine.launch import TrainingOptions, run_training

    run_training(options.pop('config'), TrainingOptions(**options))


if __name__ == '__main__':
    sys.exit(run_command(main))
