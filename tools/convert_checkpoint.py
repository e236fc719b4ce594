"""Convert TimeSformer weights between libraries, average them, or list the public ones.

Examples::

    python tools/convert_checkpoint.py work_dirs/run/best.pth exported --to huggingface
    python tools/convert_checkpoint.py TimeSformer_divST_8x32_224_K400.pyth mm.pth --to mmaction2
    python tools/convert_checkpoint.py seed0.pth average.pth --average-with seed1.pth seed2.pth
    python tools/convert_checkpoint.py --list
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from video_clips.commands import run_command

LIBRARIES = ('mmaction_timesformer', 'mmaction2', 'facebookresearch', 'huggingface')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', nargs='?', help='weights: a file, a directory or a URL')
    parser.add_argument(
        'output', nargs='?', type=Path, help='file to write; a directory for huggingface'
    )
    parser.add_argument('--to', choices=LIBRARIES, help='the library to write for')
    parser.add_argument(
        '--num-heads', type=int, help="attention heads for huggingface (default: a ViT's, D / 64)"
    )
    parser.add_argument(
        '--class-map',
        metavar='FILE',
        help='JSON file, {"class to write": class of the source}, to keep some classes only',
    )
    parser.add_argument(
        '--average-with',
        nargs='+',
        metavar='FILE',
        help='write the mean of the weights of trainings that differ by their seed alone',
    )
    parser.add_argument('--list', action='store_true', help='print the table of public weights')
    args = parser.parse_args()
    if args.average_with and (args.to or args.class_map or args.num_heads):
        parser.error('--average-with stands alone: convert the average afterwards')
    task = args.to or args.average_with
    if not args.list and None in (args.source, args.output, task):
        parser.error('give SOURCE, OUTPUT and --to or --average-with, or --list')
    return args


def main() -> None:
    """Convert one file, or print the table."""
    args = parse_args()
    import mmaction_timesformer  # noqa: F401  (mends the stack first)
    from mmaction_timesformer.engine.optimizers import average_files
    from mmaction_timesformer.models.checkpoints import (
        convert_file,
        markdown_table,
        read_class_map,
    )
    from video_clips.safe_names import public_file_name

    if args.list:
        print(markdown_table())
        return
    if args.average_with:
        sources = [args.source, *args.average_with]
        average_files(sources, args.output)
        print(f'{len(sources)} checkpoints -> {args.output} (average)')
        return
    class_map = args.class_map and read_class_map(args.class_map)
    unused = convert_file(args.source, args.output, args.to, args.num_heads, class_map)
    print(f'{public_file_name(args.source)} -> {args.output} ({args.to})')
    if unused:
        print(f'left out, because a TimeSformer has no such parameters: {", ".join(unused)}')


if __name__ == '__main__':
    sys.exit(run_command(main))
