"""Render a small railway yard, train on it, and test on recordings never seen (`make demo`)."""

import argparse
import sys
from pathlib import Path

# Not installed: found beside this folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo_yard.walkthrough import DemoOptions, run_demo


def parse_args() -> DemoOptions:
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
    return DemoOptions(**vars(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(run_demo(parse_args()))
