"""Measure detection for the record: its speed, and an hour of a stream with a kill in between."""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mmengine.config import Config

from data_analysis.atomic import write_atomically
from data_analysis.benchmarking import machine
from mmaction_timesformer.detection.benchmark import make_checkpoint, measure_speed, render_video
from mmaction_timesformer.detection.endurance import measure_endurance, watch_hour

CONFIGS = {
    'tiny, 112 pixels': 'timesformer_divST-tiny_scratch_1xb16-amp-8x32x1-60e_railway-yard-rgb.py',
    'base, 224 pixels': 'timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py',
}
SECONDS = {'tiny, 112 pixels': 60.0, 'base, 224 pixels': 18.0}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest='part', required=True)
    speed = parts.add_parser('speed', help='against decoding each window afresh and the demo')
    speed.add_argument('--configs', type=Path, default=Path('configs/railway_yard'))
    speed.add_argument('--rounds', type=int, default=5)
    hour = parts.add_parser('hour', help='an hour of a stream, killed once')
    hour.add_argument('--seconds', type=int, default=3600)
    hour.add_argument('--pace', type=float, default=30.0)
    for part in (speed, hour):
        part.add_argument('--out', type=Path, default=Path('benchmarks'), metavar='FOLDER')
    watch = parts.add_parser('watch', help='what the other starts')
    watch.add_argument('video')
    watch.add_argument('folder')
    watch.add_argument('pace', type=float)
    return parser.parse_args()


def main() -> None:
    """Measure and write the record."""
    options = parse_args()
    if options.part == 'watch':
        watch_hour(options.video, options.folder, options.pace)
        return
    record = {
        'machine': {**machine(), 'torch': version('torch'), 'mmaction2': version('mmaction2')}
    }
    record['machine']['threads'] = torch.get_num_threads()
    with TemporaryDirectory() as name:
        folder = Path(name)
        if options.part == 'hour':
            tool = [__file__, 'watch']
            record['hour'] = measure_endurance(tool, folder, options.seconds, options.pace)
        else:
            record['speed'] = {
                model: _speed(options.configs / config, folder, SECONDS[model], options.rounds)
                for model, config in CONFIGS.items()
            }
    file = options.out / f'detect_{options.part}.json'
    with write_atomically(file) as stream:
        json.dump(record, stream, indent=1)
        stream.write('\n')
    print(f'{file} written', file=sys.stderr)


def _speed(config: Path, folder: Path, seconds: float, num_rounds: int) -> list[dict]:
    video, checkpoint = folder / f'{seconds:g}.mp4', folder / f'{config.stem}.pth'
    render_video(video, seconds)
    make_checkpoint(Config.fromfile(config), checkpoint)
    return measure_speed(str(config), video, checkpoint, num_rounds)


if __name__ == '__main__':
    main()
