"""Render a small railway yard, train on it, and test on recordings never seen (`make demo`)."""

import argparse
import sys
from pathlib import Path

# Not installed: found beside this folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/demo'), help='folder for everything'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the yard and of the training')
    parser.add_argument(
        '--quick', action='store_true', help='a few clips and one epoch, to see that all runs'
    )
    parser.add_argument(
        '--resume', action='store_true', help='go on with a training that was interrupted'
    )
    return parser.parse_args()


def main() -> int:
    """Run the demo with what the command line says."""
    args = parse_args()

    def run() -> int:
        from demo_yard.walkthrough import DemoOptions, run_demo

        return run_demo(DemoOptions(**vars(args)))

    return run_command(run)


if __name__ == '__main__':
    sys.exit(main())
