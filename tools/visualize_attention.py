"""Show what a trained TimeSformer looks at in videos: overlays, strips, arrays, and a page."""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help="the model's config")
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument(
        'videos', nargs='+', metavar='VIDEO', help='a video file, or a folder of frames'
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder to write')
    parser.add_argument(
        '--class',
        dest='target',
        metavar='NAME',
        help='class to explain, by name or number; by default the one that the model chooses',
    )
    parser.add_argument(
        '--map',
        dest='shown',
        choices=('relevance', 'rollout'),
        default='relevance',
        help='what to draw: what raised the class, or what was attended to',
    )
    parser.add_argument('--start', type=float, dest='start_seconds', help='start, in seconds')
    parser.add_argument('--end', type=float, dest='end_seconds', help='end, in seconds')
    parser.add_argument(
        '--check',
        action='store_true',
        help='also measure whether the map is true: deletion and insertion against random maps',
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ...')
    return parser.parse_args()


def main() -> None:
    """Explain each video."""
    options = vars(parse_args())
    import mmaction_timesformer  # noqa: F401  (registers the models)
    from mmaction_timesformer.reports.explanations import explain_videos

    print(explain_videos(**options))


if __name__ == '__main__':
    sys.exit(run_command(main))
