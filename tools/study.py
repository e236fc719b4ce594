"""Find out what works on your cameras: recipes against each other, each camera left out in turn.

The study ``continual`` has cameras, and then a class, come one after another.

Stopped at any time, the same command resumes.
"""

import argparse
import sys
from pathlib import Path

from video_clips.commands import run_command

STUDIES = Path(__file__).parents[1] / 'configs' / 'studies'
CONTINUAL = 'continual'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = sorted(file.stem for file in STUDIES.glob('*.yaml'))
    names = ', '.join([*known, CONTINUAL])
    parser.add_argument('study', help=f'{names}, or a YAML file of rows')
    parser.add_argument('folder', type=Path, help='folder of the videos, with clips.csv or --csv')
    parser.add_argument('--csv', type=Path, metavar='FILE', help='clips and labels')
    parser.add_argument('--group-column', metavar='NAME', help='CSV column of cameras')
    parser.add_argument('--group-regex', metavar='REGEX', help='camera in the path')
    parser.add_argument('--site-column', metavar='NAME', help='leave out whole sites: CSV column')
    parser.add_argument('--out', type=Path, required=True, help='folder for features and results')
    parser.add_argument('--hours', type=float, help='leave out rows that do not fit in this time')
    parser.add_argument('--last-class', metavar='NAME', help='of continual (the last by name)')
    args = parser.parse_args()
    args.study = STUDIES / f'{args.study}.yaml' if args.study in known else Path(args.study)
    return args


def main() -> int:
    """Run the study."""
    args = parse_args()
    from mmaction_timesformer.studies.clips import ClipSource
    from mmaction_timesformer.studies.command import study_command

    source = ClipSource(
        args.folder, args.csv, args.group_column, args.group_regex, args.site_column
    )
    if args.study == Path(CONTINUAL):
        from mmaction_timesformer.studies.continual.command import continual_command

        return continual_command(source, args.out, args.last_class)
    return study_command(args.study, source, args.out, args.hours)


if __name__ == '__main__':
    sys.exit(run_command(main))
