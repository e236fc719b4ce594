"""Online models over rendered recordings never seen: frames, events, what they foresee.

Every model goes through ``tools/detect.py``'s own code over the same recordings. Rules are tuned on
some of them, figures are taken on others, whose seed nobody tuned on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmengine.config import Config

from benchmarks.detection.stream_speed import CONTENDERS, NAIVE, run_for, time_moment
from benchmarks.detection.stream_trial import try_model
from benchmarks.record import Record, table
from mmaction_timesformer.evaluation.classification import Estimate
from video_clips.plain_data import plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parts = parser.add_subparsers(dest='what', required=True)
    quality = parts.add_parser('quality', help='frames, events, what models expect')
    quality.add_argument(
        '--model',
        action='append',
        nargs=3,
        required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='a model of streams or of clips; give several to compare them',
    )
    quality.add_argument('--tuning', type=Path, required=True, help='recordings with events.json')
    quality.add_argument('--unseen', type=Path, required=True, help='others, for the figures')
    quality.add_argument(
        '--features',
        type=Path,
        nargs=2,
        metavar=('TUNING', 'UNSEEN'),
        help='folders of extracted features, which online models read in place of the videos',
    )
    quality.add_argument('--rate', type=float, default=3.0, help='false alarms per hour')
    quality.add_argument('--anticipate', type=float, default=4.0, help='seconds (%(default)s)')
    quality.add_argument('--note', default='', help='what to say of the training')
    speed = parts.add_parser('speed', help='a frame of a stream beside a clip scored afresh')
    speed.add_argument('--rounds', type=int, default=5, help='(%(default)s)')
    hour = parts.add_parser('hour', help='time and memory of a frame over an hour')
    hour.add_argument('config')
    hour.add_argument('--seconds', type=float, default=3600.0, help='of video (%(default)s)')


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    {'quality': _quality, 'speed': _speed, 'hour': _hour}[options.what](options)


def _speed(options: argparse.Namespace) -> None:
    timings = time_moment(options.rounds)
    Record(
        'streams_speed',
        'The price of one more model frame, base model, 224x224',
        {'rounds': options.rounds},
        timings.as_dict(NAIVE),
        [
            'What is computed from one model frame to the next; decoding is left out, which is one',
            'frame for a stream and eight for a clip decoded afresh. In turn, in one run.',
            '',
            *table(
                ('way', 'what it computes', 'seconds', 'times as fast as the first'),
                [
                    [
                        name,
                        what,
                        timings.spread(name).text(3),
                        timings.ratio(NAIVE, name).text(1),
                    ]
                    for name, what in CONTENDERS.items()
                ],
            ),
        ],
    ).write(options.out)


def _hour(options: argparse.Namespace) -> None:
    rows = run_for(options.config, options.seconds)
    Record(
        f'streams_hour_{Path(options.config).stem.split("_")[1]}',
        f'An hour of stream, {Path(options.config).stem}',
        {'seconds': options.seconds},
        rows,
        [
            'One frame a step, of noise. Memory is that of the process; the state is all that a',
            'step takes over from the one before.',
            '',
            *table(
                ('minutes', 'ms a frame, median', 'MiB of the process', 'KiB of the state'),
                [
                    [
                        row['minutes'],
                        f'{row["median_ms"]:.2f}',
                        *(f'{row[name]:.0f}' for name in ('resident_mib', 'state_kib')),
                    ]
                    for row in rows
                ],
            ),
        ],
    ).write(options.out)


def _quality(options: argparse.Namespace) -> None:
    results = {}
    with TemporaryDirectory() as folder:
        for name, config, checkpoint in options.model:
            tried = try_model(Config.fromfile(config), checkpoint, Path(folder) / name, options)
            for later, figures in tried.items():
                results[f'{name}, {later:g} s later' if later else name] = figures
            print(f'{name}: done', flush=True)
    Record(
        'streams',
        'Online models over rendered recordings never seen',
        {
            'models': {name: Path(config).stem for name, config, _ in options.model},
            'false alarms per hour tuned for': options.rate,
            'seconds ahead': options.anticipate,
            'training': options.note,
        },
        plain(results),
        _tables(results, options.anticipate),
        packages=('av',),
    ).write(options.out)


def _tables(results: Mapping[str, Mapping[str, Any]], anticipate: float) -> list[str]:
    """The record's page."""
    frames = {name: found['frames'] for name, found in results.items()}
    lines = [
        'Per frame, the background left out; the same moments, 0.25 s apart, for every model;',
        'those 0.25 s around the borders of events do not count. A model of clips, if there is',
        'one, speaks for the centre of its window, and so knows half a window of the future.',
        '',
        *table(
            ('model', 'mAP', 'calibrated mAP', 'chance', 'first tenth', 'fifth', 'last'),
            [
                [
                    name,
                    _shown(found['mean_ap']),
                    _shown(found['calibrated_mean_ap']),
                    f'{found["chance"]:.3f}',
                    *(f'{found["by_tenth"][tenth]:.2f}' for tenth in (0, 4, 9)),
                ]
                for name, found in frames.items()
            ],
        ),
        'Events, with rules tuned on other recordings:',
        '',
        *table(
            (
                'model',
                'tIoU',
                'class',
                'true',
                'found',
                'F1',
                'recall',
                'false alarms/h',
                'delay s',
            ),
            [
                [
                    name,
                    *(row[column] for column in ('threshold', 'label', 'num_true', 'num_found')),
                    *(_shown(row[metric]) for metric in _EVENT_METRICS),
                ]
                for name, found in results.items()
                for row in found['events']
            ],
        ),
        'What happens seconds later, per frame (chance in brackets):',
        '',
        *table(
            ('model', *(f'{seconds:g} s' for seconds in _horizons(frames))),
            [
                [
                    name,
                    *(
                        f'{_shown(found["anticipation"][seconds])} '
                        f'[{found["anticipation_chance"][seconds]:.3f}]'
                        for seconds in found['anticipation']
                    ),
                ]
                for name, found in frames.items()
                if found['anticipation']
            ],
        ),
        f'Events expected {anticipate:g} s ahead, tIoU 0.3 with the true ones as much earlier:',
        '',
        *table(
            ('model', 'class', 'true', 'found', 'F1', 'false alarms/h', 'lead s, median'),
            [
                [
                    name,
                    *(row[column] for column in ('label', 'num_true', 'num_found')),
                    *(_shown(row[metric]) for metric in ('f1', 'false_alarms_per_hour')),
                    _lead(row['median_lead_seconds']),
                ]
                for name, found in results.items()
                for row in found.get('expected', ())
            ],
        ),
    ]
    return lines


_EVENT_METRICS = ('f1', 'recall', 'false_alarms_per_hour', 'median_delay_seconds')


def _horizons(frames: Mapping[str, Any]) -> list[float]:
    return max((list(found['anticipation']) for found in frames.values()), key=len)


def _shown(found: Mapping[str, float]) -> str:
    estimate = Estimate(**found)
    if np.isnan(estimate.value):
        return '-'
    if np.isnan(estimate.low):
        return f'{estimate.value:.2f}'
    return f'{estimate.value:.2f} ({estimate.low:.2f}-{estimate.high:.2f})'


def _lead(seconds: float) -> str:
    return '-' if np.isnan(seconds) else f'{seconds:.2f}'
