"""Draw which patches a query sees in every step of every attention scheme; see docs/schemes.md."""

import argparse
import sys
from pathlib import Path

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='the picture to write, e.g. schemes.png')
    return parser.parse_args()


def main() -> None:
    """Draw a clip of four frames of 8x8 patches."""
    out = parse_args().out
    import mmaction_timesformer  # noqa: F401  (registers the schemes)
    from mmaction_timesformer.explanation.scheme_charts import draw_schemes

    draw_schemes(num_frames=4, size=8, query=(1, 3, 4)).savefig(out, dpi=110)


if __name__ == '__main__':
    sys.exit(run_command(main))
