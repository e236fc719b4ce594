"""Go on from a trained model: learn corrections, judge the result, take it into use or not.

A lineage is a folder of models that follow one another. Corrections are a CSV with the columns
path, label, start_seconds, end_seconds and recording (the camera). A detector that watches with a
lineage takes a new model over while it runs.
"""

import argparse
import getpass
import sys

from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    steps = parser.add_subparsers(dest='step', required=True, metavar='STEP')

    def step(name: str, purpose: str) -> argparse.ArgumentParser:
        found = steps.add_parser(
            name, help=purpose, description=purpose, formatter_class=parser.formatter_class
        )
        found.add_argument('lineage', help='folder of the models')
        return found

    first = step('start', 'begin a lineage with a trained model')
    first.add_argument('checkpoint', help='the model, or the work folder of its training')
    first.add_argument('--exam', metavar='CSV', help='labelled clips that nobody learns from')
    _add_root(first)
    _add_by(first)

    for name, purpose in (
        ('learn', 'learn corrections at once, in closed form'),
        ('overnight', 'learn corrections by training, with replay of old clips'),
    ):
        found = step(name, purpose)
        found.add_argument('corrections', help='CSV of clips with their right labels')
        found.add_argument(
            '--accept', action='store_true', help='use it if the gate lets it through'
        )
        found.add_argument('--margin', type=float, default=0.02, help='what a class may lose')
        found.add_argument('--alpha', type=float, default=0.2, help='losses by chance do not count')
        _add_root(found)
        _add_by(found)
        if name == 'overnight':
            _add_night(found)

    exam = step('exam', 'add clips to the exam, for a class or a camera that it lacks')
    exam.add_argument('clips', help='CSV of labelled clips')
    _add_root(exam)

    for name, purpose in (('accept', 'use a model'), ('reject', 'decide against a model')):
        found = step(name, purpose)
        found.add_argument('model', help='its number')
        _add_by(found)
        found.add_argument('--reason', default='', help='why')
        if name == 'accept':
            found.add_argument(
                '--against-gate', action='store_true', help='use it all the same; give a reason'
            )
    back = step('rollback', 'use an earlier model again')
    back.add_argument('--to', metavar='MODEL', help='which; by default the one before')
    _add_by(back)
    back.add_argument('--reason', default='', help='why')
    step('show', 'list the models')
    return parser.parse_args()


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--root', metavar='FOLDER', help="what paths are below (the CSV's folder)")


def _add_by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--by', default=getpass.getuser(), help='who decides (you)')


def _add_night(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--epochs', type=int, help="how often each clip is seen (a quarter of the config's)")
    add('--replay', type=int, default=20, help='old clips of each class and camera to show again')
    add('--distillation', type=float, default=1.0, help="weight of the old model's answers")
    add('--old-share', type=float, default=0.5, help='of the old weights in the average')
    add('--learning-rate', type=float, help="highest (a tenth of the config's)")


def main() -> int:
    """Do one step."""
    options = vars(parse_args())
    from mmaction_timesformer.learning.command import continue_training

    return continue_training(**options)


if __name__ == '__main__':
    sys.exit(run_command(main))
