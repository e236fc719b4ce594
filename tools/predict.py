"""Classify videos: the probability of each class, the most probable first."""

import argparse
import json
import sys

from video_clips.commands import DONE, FAILED, in_a_line, printable, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='the trained weights')
    parser.add_argument(
        'videos', nargs='+', metavar='video', help='a video file, or a folder of frames'
    )
    parser.add_argument('--config', help="the model's config; by default the one in the checkpoint")
    parser.add_argument('--start', type=float, help='start of the part to classify, in seconds')
    parser.add_argument('--end', type=float, help='end of the part, in seconds')
    parser.add_argument('--top', type=int, default=5, help='classes to print (%(default)s)')
    parser.add_argument(
        '--json', action='store_true', help='print a JSON line per video, with all classes'
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ...')
    return parser.parse_args()


def main() -> int:
    """Classify each video; those that cannot be read are named."""
    args = parse_args()
    from mmaction_timesformer import TrainedModel
    from mmaction_timesformer.inference.loading import log_to_standard_error

    log_to_standard_error()

    exit_code = DONE
    trained = TrainedModel.load(args.config, args.checkpoint, args.device)
    for video in args.videos:
        try:
            scores = trained.predict(video, start_seconds=args.start, end_seconds=args.end)
        except (ValueError, OSError) as error:
            print(f'error: {in_a_line(error)}', file=sys.stderr)
            exit_code = FAILED
            continue
        if args.json:
            print(json.dumps({'video': video, 'scores': scores}), flush=True)
            continue
        print(printable(video))
        for name, probability in list(scores.items())[: args.top]:
            print(f'  {probability:6.1%}  {printable(name)}', flush=True)
    return exit_code


if __name__ == '__main__':
    sys.exit(run_command(main))
