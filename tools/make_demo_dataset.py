"""Render a railway yard: labelled clips in a folder per class, and long videos with their events.

The same arguments give the same files. A run that was interrupted goes on where it stopped.
"""

import argparse
import sys
from pathlib import Path

# Not installed: found beside this folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo_yard.rendering import DemoSettings
from demo_yard.rendering.command import render_command, stories_command
from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = DemoSettings()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add('root', type=Path, help='folder to make')
    add('--num-clips', type=int, default=default.num_clips, help='clips in all')
    add(
        '--clips-per-recording',
        type=float,
        default=default.clips_per_recording,
        help='how many show the same yard through the same camera',
    )
    add('--seconds', type=float, default=default.seconds, help='mean length of a clip')
    add('--fps', type=float, default=default.fps, help='frames a second')
    add(
        '--sites',
        dest='num_sites',
        type=int,
        default=default.num_sites,
        help='cameras with their yards',
    )
    add('--size', type=int, nargs=2, default=(default.width, default.height), metavar=('W', 'H'))
    add('--num-untrimmed', type=int, default=default.num_untrimmed, help='long videos')
    add('--untrimmed-seconds', type=float, default=default.untrimmed_seconds, help='their length')
    add('--num-windows', type=int, default=default.num_windows, help='clips cut anywhere')
    add('--stories', type=int, default=0, help='render so many stories of 80 seconds and no more')
    add('--seed', type=int, default=default.seed)
    add('--site-seed', type=int, help='seed of the set whose sites these are')
    add('--workers', type=int, default=None, help='processes; by default one a core')
    add('--strip', type=Path, metavar='PNG', help='also draw a picture of each class over time')
    return parser.parse_args()


def main() -> None:
    """Render stories, or clips and long videos."""
    args = vars(parse_args())
    if stories := args.pop('stories'):
        stories_command(args['root'], stories, args['size'], args['seed'])
    else:
        render_command(**args)


if __name__ == '__main__':
    sys.exit(run_command(main))
