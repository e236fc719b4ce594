"""Detection in long videos: its speed, how it takes an hour with a kill, how good its events are.

speed: seconds of video a second, beside decoding each window afresh and mmaction2's demo; hour: an
hour of a recording, in one go and killed once, and of a live source, killed once, all faster than
real time; events: rendered recordings that the model has never seen, with rules tuned on others.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config

from benchmarks.detection.endurance import measure_endurance, watch_hour
from benchmarks.detection.event_trial import try_events
from benchmarks.detection.speed import make_checkpoint, measure_speed, render_video
from benchmarks.record import Record, table

CONFIGS = {
    'tiny': 'timesformer_divST-tiny_scratch_1xb16-amp-8x32x1-60e_railway-yard-rgb.py',
    'base': 'timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py',
}
SECONDS = {'tiny': 60.0, 'base': 18.0}
SPEEDS = {
    'method': 'method',
    'video_seconds_per_second': 'video s a second, median',
    'slowest': 'slowest',
    'fastest': 'fastest',
    'times_each_window_afresh': 'times each window afresh',
}
TRIALS = {
    'trial': 'of',
    'true_events': 'true events',
    'events': 'events',
    'events_lost': 'lost',
    'records_told_twice': 'records told twice',
    'gaps': 'gaps',
    'windows': 'windows',
    'mib_after_a_tenth': 'MiB after a tenth',
    'mib_at_the_end': 'MiB at the end',
    'mib_peak': 'MiB at most',
}
FIGURES = {
    'threshold': 'tIoU',
    'label': 'class',
    'num_true': 'true',
    'num_found': 'found',
    'precision': 'precision',
    'recall': 'recall',
    'f1': 'F1',
    'average_precision': 'AP',
    'false_alarms_per_hour': 'false alarms an hour',
    'median_delay_seconds': 'delay s, median',
    'late_delay_seconds': 'delay s, 95 %',
}
RULES = {
    'label': 'class',
    'smoothing': 'smoothing',
    'smoothing_seconds': 's',
    'enter': 'enter',
    'leave': 'leave',
    'min_seconds': 'least s',
    'merge_gap_seconds': 'merge s',
    'widen_seconds': 'widen s',
    'f1': 'F1',
    'false_alarms_per_hour': 'false alarms an hour',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parts = parser.add_subparsers(dest='what', required=True)
    speed = parts.add_parser('speed')
    speed.add_argument('--model', choices=CONFIGS, default='tiny', help='(%(default)s)')
    speed.add_argument('--configs', type=Path, default=Path('configs/railway_yard'))
    speed.add_argument('--rounds', type=int, default=5, help='(%(default)s)')
    hour = parts.add_parser('hour')
    hour.add_argument('--seconds', type=int, default=3600, help='of video (%(default)s)')
    hour.add_argument('--pace', type=float, default=30.0, help='times real time (%(default)s)')
    events = parts.add_parser('events')
    events.add_argument('config')
    events.add_argument('checkpoint')
    events.add_argument('--site-seed', type=int, default=0, help='of the demo set (%(default)s)')
    events.add_argument('--tuning-minutes', type=float, default=160.0, help='(%(default)s)')
    events.add_argument('--minutes', type=float, default=20.0, help='unseen (%(default)s)')
    events.add_argument('--rate', type=float, default=3.0, help='to tune for (%(default)s)')
    watch = parts.add_parser('watch', help='what hour starts')
    watch.add_argument('source')
    watch.add_argument('folder')
    watch.add_argument('pace', type=float)


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    if options.what == 'watch':
        watch_hour(options.source, options.folder, options.pace)
        return
    part = {'speed': _speed, 'hour': _hour, 'events': _events}[options.what]
    with TemporaryDirectory() as folder:
        part(options, Path(folder))


def _speed(options: argparse.Namespace, folder: Path) -> None:
    config = options.configs / CONFIGS[options.model]
    seconds = SECONDS[options.model]
    video, checkpoint = folder / 'video.mp4', folder / 'model.pth'
    render_video(video, seconds)
    make_checkpoint(Config.fromfile(config), checkpoint)
    rows = measure_speed(str(config), video, checkpoint, options.rounds)
    Record(
        f'detect_speed_{options.model}',
        f'Speed of detection with the {options.model} model',
        {
            'config': config.stem,
            'video seconds': seconds,
            'rounds': options.rounds,
            'hop': 'an eighth of a window',
        },
        rows,
        _columns(SPEEDS, rows),
        packages=('av', 'decord', 'opencv-python'),
    ).write(options.out)


def _hour(options: argparse.Namespace, folder: Path) -> None:
    tool = ['tools/benchmark.py', 'detect', 'watch']
    trials = measure_endurance(tool, folder, options.seconds, options.pace)
    over_time = trials[0]['mib_over_time']
    Record(
        'detect_hour',
        'An hour of video, in one go and killed on the way',
        {'seconds': options.seconds, 'pace': options.pace},
        trials,
        [
            'The model is a stand-in that reads colours. The recording is played at the pace; the',
            'live source is pictures that FFmpeg makes without end. A kill (SIGKILL) is aimed at',
            'the middle of an event, and the same command is started again: the recording goes on',
            'where it stopped, the live source after a gap. Events count as found from tIoU 0.7',
            'on. Memory is that of one process, the last of its trial, while it scores.',
            '',
            *_columns(TRIALS, trials),
            'Memory over the recording in one go:',
            '',
            *table(('second of video', 'MiB'), over_time[:: max(1, len(over_time) // 12)]),
        ],
        packages=('av',),
    ).write(options.out)


def _events(options: argparse.Namespace, folder: Path) -> None:
    trial = try_events(
        options.config,
        options.checkpoint,
        folder,
        options.site_seed,
        (options.tuning_minutes, options.minutes),
        options.rate,
    )
    rules = [
        {'label': label, **asdict(tuned), **asdict(tuned.rule)}
        for label, tuned in trial.rules.items()
    ]
    figures = [asdict(row) for row in trial.figures]
    Record(
        'detect_events',
        'Danger events in rendered recordings never seen',
        {
            'config': Path(options.config).stem,
            'tuned on minutes': options.tuning_minutes,
            'evaluated on minutes': options.minutes,
            'false alarms an hour tuned for': options.rate,
        },
        {'rules': rules, 'figures': figures},
        [
            'Tuning and evaluation have seeds of their own; the site is the one that the model was',
            'trained on. Intervals of 95 % are over recordings.',
            '',
            *_columns(FIGURES, [vars(row) for row in trial.figures]),
            f'Rules, chosen on recordings with {trial.num_tuning_events} events:',
            '',
            *_columns(RULES, rules),
        ],
        packages=('av',),
    ).write(options.out)


def _columns(names: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table; `names` says which entries of the rows it shows, and what they are called."""

    def cell(value: Any) -> object:
        return f'{value:.4g}' if isinstance(value, float) else value

    return table(tuple(names.values()), [[cell(row[name]) for name in names] for row in rows])
