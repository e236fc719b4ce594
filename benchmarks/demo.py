"""The demo, from rendering to events: how long its steps take, and how good its model is."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.record import Record, table

SHOWN = {
    'cls/top1': 'top-1',
    'cls/mean_class_accuracy': 'mean class accuracy',
    'cls/macro_f1': 'macro-F1',
    'events/F1 at tIoU 0.3': 'F1 of events at tIoU 0.3',
    'events/false alarms an hour': 'false alarms an hour',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--seed', type=int, default=0, help='(%(default)s)')
    parser.add_argument('--quick', action='store_true', help='as in tools/demo.py')
    parser.add_argument('--done', action='store_true', help='record the run that is there')


def run(options: argparse.Namespace) -> None:
    """Run the demo, and write the record."""
    if not options.done:
        words = ['tools/demo.py', '--work-dir', options.work_dir, '--seed', options.seed]
        subprocess.run([sys.executable, *map(str, words), *['--quick'] * options.quick], check=True)
    figures = json.loads((options.work_dir / 'figures.json').read_text())
    seconds, metrics = figures['seconds'], figures['metrics']
    shown = [(title, _with_limits(metrics, name)) for name, title in SHOWN.items()]
    Record(
        'demo',
        'The demo, from rendering to events',
        {'seed': options.seed, 'quick': options.quick},
        figures,
        [
            *table(('step', 's'), [(name, f'{taken:.0f}') for name, taken in seconds.items()]),
            f'{sum(seconds.values()):.0f} s in all.',
            '',
            *table(('figure', 'value'), shown),
        ],
        packages=('av',),
    ).write(options.out)


def _with_limits(metrics: Mapping[str, float], name: str) -> str:
    """A figure, and its 95 % interval over recordings where it has one."""
    limits = [metrics[f'{name}_{end}'] for end in ('low', 'high') if f'{name}_{end}' in metrics]
    text = f'{metrics[name]:.3f}'
    return f'{text} ({limits[0]:.3f} to {limits[1]:.3f})' if limits else text
