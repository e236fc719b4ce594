"""Find danger events in recordings and live streams.

Events are written to OUT/events.jsonl as they open, grow and close, the scores of all windows to
OUT/scores.csv, and OUT/report.html shows both. The same command resumes a run that was ended. An
argument @FILE stands for the lines of a file, ${NAME} in a URL for an environment variable: neither
shows a password in the process list.
"""

import argparse
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars='@')
    parser.add_argument('config', help="the model's config; its detection part sets the rules")
    parser.add_argument(
        'checkpoint',
        help='the trained weights, a .onnx or .pt2 file made by tools/export.py, or a lineage of '
        'tools/continue_training.py, whose new models are taken over as they come',
    )
    parser.add_argument(
        'sources',
        nargs='+',
        metavar='source',
        help='video file, folder, glob, RTSP or HTTP URL, camera (/dev/video0, v4l2:/dev/video0); '
        'gate=URL names one',
    )
    parser.add_argument('--out', required=True, help='folder for the results')
    parser.add_argument('--device', default='cpu', help='where the model runs, such as cuda:0')
    parser.add_argument(
        '--pace', type=float, help='play files like live streams, so many times as fast as recorded'
    )
    parser.add_argument(
        '--json', action='store_true', help='print every record, heartbeats too, as a JSON line'
    )
    parser.add_argument(
        '--webhook', action='append', default=[], metavar='URL', help='post events there, as JSON'
    )
    parser.add_argument(
        '--mqtt',
        action='append',
        default=[],
        metavar='mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC',
        help='publish events there',
    )
    parser.add_argument(
        '--annotate',
        action='store_true',
        help='copy each recording with its probabilities and a timeline, as H.264 mp4',
    )
    parser.add_argument(
        '--clips', action='store_true', help='show each event by a picture and a short clip'
    )
    parser.add_argument(
        '--live',
        action='store_true',
        help='keep the newest picture of each source in OUT/live, for tools/serve.py',
    )
    parser.add_argument(
        '--trust-compiled',
        action='store_true',
        help='run the compiled code in a .pt2 file, which may do anything that you may',
    )
    parser.add_argument(
        '--ray',
        nargs='?',
        const='local',
        metavar='ADDRESS',
        help='watch recordings on a Ray cluster: auto or HOST:PORT; alone, on one of its own',
    )
    parser.add_argument(
        '--workers', type=int, default=2, metavar='N', help='recordings at a time with --ray'
    )
    parser.add_argument(
        '--anticipate',
        type=float,
        nargs='?',
        const=4.0,
        metavar='SECONDS',
        help='dangers so far ahead (%(const)s) are events too; with an online model',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, such as detection.hop_seconds=0.5',
    )
    return parser.parse_args()


def main() -> int:
    """Detect as the command line says."""
    arguments = vars(parse_args())
    from mmaction_timesformer.detection.command import DetectArguments, detect_command

    return detect_command(DetectArguments(**arguments))


if __name__ == '__main__':
    sys.exit(run_command(main))
