"""Copy a dataset's videos small and with dense keyframes, which load several times faster.

Lists are written again to name the copies. A run that was stopped continues where it was.
"""

import argparse
import sys
from pathlib import Path

from video_clips.commands import command_parser, num_cores, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('annotations', type=Path, nargs='+', help='lists of clips, text or CSV')
    parser.add_argument(
        '--data-root', required=True, metavar='FOLDER', help='what paths in them are relative to'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    parser.add_argument('--classes', metavar='NAMES', help='in index order, by commas, or a file')
    parser.add_argument('--multi-label', action='store_true', help='clips have several labels')
    coding = parser.add_argument_group('how copies are coded')
    coding.add_argument('--short-side', type=int, default=256, metavar='PIXELS')
    coding.add_argument('--keyframe-interval', type=int, default=8, metavar='FRAMES')
    coding.add_argument('--crf', type=int, default=20, help='quality; more is smaller and coarser')
    parser.add_argument('--workers', type=int, default=num_cores(), metavar='N')
    parser.add_argument(
        '--timeout', type=float, default=3600.0, metavar='SECONDS', help='for a video'
    )
    return parser.parse_args()


def main() -> int:
    """Copy as the command line says."""
    options = parse_args()
    from data_analysis.copies import run_caching

    return run_caching(options)


if __name__ == '__main__':
    sys.exit(run_command(main))
