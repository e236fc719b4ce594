"""Make a page of results from the work folder and the dump of a run, or compare several runs."""

import argparse
import sys

from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example: tools/analyze_results.py work_dirs/a work_dirs/a/test.pkl --out results',
    )
    parser.add_argument(
        'runs',
        nargs='+',
        metavar='WORK_DIR DUMP',
        help='work folder of a training and the file that "test.py --dump" wrote; further pairs '
        'are compared with the first',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder to write')
    parser.add_argument('--checkpoint', help="the first run's weights; by default its best or last")
    parser.add_argument(
        '--examples',
        type=int,
        default=10,
        dest='num_examples',
        metavar='N',
        help='mistakes and close calls to show (%(default)s)',
    )
    parser.add_argument(
        '--checked',
        type=int,
        default=12,
        dest='num_checked',
        metavar='N',
        help='clips on which maps are checked by deletion and insertion (%(default)s)',
    )
    parser.add_argument(
        '--no-cost',
        dest='with_cost',
        action='store_false',
        help='do not measure parameters, FLOPs, time and memory',
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ...')
    args = parser.parse_args()
    if len(args.runs) % 2:
        parser.error('give a work folder and a dump for each run')
    args.runs = list(zip(args.runs[::2], args.runs[1::2], strict=True))
    return args


def main() -> None:
    """Write the page."""
    options = vars(parse_args())
    import mmaction_timesformer  # noqa: F401  (registers the models)
    from mmaction_timesformer.reports.results.analysis import AnalysisOptions, analyze_runs

    runs, out = options.pop('runs'), options.pop('out')
    print(analyze_runs(runs, out, AnalysisOptions(**options)))


if __name__ == '__main__':
    sys.exit(run_command(main))
