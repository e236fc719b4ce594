"""Serve the pages: try a model, watch cameras, review alarms, label recordings, let a model learn.

RESULTS is the folder that tools/detect.py writes; what people say goes to review.sqlite in it. The
address to open is printed. The server answers this machine alone unless --host names another
address; then the printed address has a token, without which nothing is shown.
"""

import argparse
import sys

from video_clips.commands import command_parser, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = command_parser(__doc__)
    parser.add_argument('results', help='folder of results of tools/detect.py; made if missing')
    parser.add_argument(
        '--recordings',
        action='append',
        default=[],
        metavar='FOLDER',
        help='show the videos below this folder; without it, those of the run',
    )
    parser.add_argument(
        '--camera',
        dest='cameras',
        action='append',
        default=[],
        metavar='SOURCE',
        help='let the page start a detector on this, as detect.py takes it: gate=rtsp://...',
    )
    parser.add_argument(
        '--lineage', metavar='FOLDER', help='models of tools/continue_training.py (RESULTS/lineage)'
    )
    parser.add_argument('--config', help="the model's config, if it is not the run's")
    parser.add_argument('--checkpoint', help='its weights, or those of a model to try')
    parser.add_argument('--device', default='cpu', help='where the model runs, such as cuda:0')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on')
    parser.add_argument('--port', type=int, default=8765, help='port; 0 for any that is free')
    parser.add_argument(
        '--name',
        dest='names',
        action='append',
        default=[],
        help='another name by which browsers may call the server',
    )
    return parser.parse_args()


def main() -> int:
    """Serve as the command line says."""
    arguments = vars(parse_args())
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{error}; the pages need more packages: pip install 'mmaction_timesformer[web]'"
        ) from None
    from mmaction_timesformer.web.serving import ServeArguments, serve

    return serve(ServeArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
