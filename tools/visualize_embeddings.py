"""Show clips as a model's features see them: t-SNE and PCA by class, split and recording."""

import argparse
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import run_command

SPLITS = ('train', 'val', 'test')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help="the model's config")
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder to write')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=SPLITS, help='clips of these (all)'
    )
    parser.add_argument(
        '--max-clips',
        type=int,
        default=1000,
        metavar='N',
        help='of all splits together, taken evenly (%(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of t-SNE')
    parser.add_argument(
        '--workers', type=int, default=0, dest='num_workers', help='processes that decode'
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ...')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, such as data_root=FOLDER',
    )
    return parser.parse_args()


def main() -> None:
    """Write the page."""
    options = vars(parse_args())
    import mmaction_timesformer  # noqa: F401  (registers the models)
    from mmaction_timesformer.reports.embeddings.page import EmbeddingOptions, visualize_embeddings

    config, checkpoint, out = map(options.pop, ('config', 'checkpoint', 'out'))
    print(visualize_embeddings(config, checkpoint, out, EmbeddingOptions(**options)))


if __name__ == '__main__':
    sys.exit(run_command(main))
