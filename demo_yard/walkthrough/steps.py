"""The steps of the demo.

Each takes the run, does its part through the ordinary tools, and adds what it found to the run's
metrics and results.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from demo_yard.rendering import render_demo_dataset
from demo_yard.rendering.command import ProgressLines
from demo_yard.walkthrough.demo_run import CONFIG, DemoRun, StepFailedError
from demo_yard.walkthrough.programs import start
from video_clips.commands import num_cores

MOST_PROCESSES = 2
"""Processes that train; more cores are used by threads."""
QUICK_OPTIONS = ('train_cfg.max_epochs=1', 'train_cfg.val_begin=1', 'train_cfg.val_interval=1')


def render(run: DemoRun) -> None:
    """Render the demo set, or take the one that is there."""
    # First: the process that renders would become the one that all programs are forked from.
    start(run.environment)
    workers = os.cpu_count() or 1
    render_demo_dataset(run.data, run.settings, workers, ProgressLines())
    run.results['videos'] = run.data / 'videos'


def report_data(run: DemoRun) -> None:
    """Measure and check the data as the config reads them, by `python -m data_analysis`."""
    report = run.options.work_dir / 'data_report'
    run.command(['-m', 'data_analysis', '--config', CONFIG, '--out', report.resolve()])
    run.publish(
        'Data report',
        'What is in the set, how the sampler sees it, and whether a recording is on both sides.',
        report / 'report.html',
        report / 'figures' / 'split_table.png',
    )


def train(run: DemoRun) -> None:
    """Train by `tools/train.py`."""
    arguments: list[str | Path] = ['tools/train.py', CONFIG, '--work-dir', run.training.resolve()]
    if run.options.resume:
        arguments.append('--resume')
    else:
        shutil.rmtree(run.training, ignore_errors=True)
    arguments += ['--seed', str(run.options.seed)]
    # One process a core, which loads and trains its part of each batch.
    arguments += ['--processes', str(min(MOST_PROCESSES, num_cores()))]
    if run.options.quick:
        arguments += ['--cfg-options', *QUICK_OPTIONS]
    run.command(arguments)
    run.results['checkpoint'] = last_checkpoint(run.training)


def test(run: DemoRun) -> None:
    """Test the last checkpoint by `tools/test.py`, and keep its predictions."""
    checkpoint = last_checkpoint(run.training)
    shutil.rmtree(run.testing, ignore_errors=True)
    arguments: list[str | Path] = ['tools/test.py', CONFIG, checkpoint]
    arguments += ['--work-dir', run.testing.resolve(), '--dump', run.dump.resolve()]
    run.command(arguments)
    run.metrics.update(_metrics_of(run.testing))
    run.results['test metrics'] = run.testing


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint that mmengine noted as the last one in a work folder.

    Raises:
        StepFailedError: There is none.
    """
    note = folder / 'last_checkpoint'
    checkpoint = Path(note.read_text().strip()) if note.is_file() else folder / 'none'
    if not checkpoint.is_file():
        raise StepFailedError(f'{folder} holds no checkpoint: the training has not finished')
    return checkpoint


def _metrics_of(folder: Path) -> dict[str, float]:
    """Metrics written by mmengine's test loop: a JSON file named like its folder, a time stamp."""
    files = sorted(folder.glob('*/2*.json'))
    if not files:
        raise StepFailedError(f'{folder} holds no metrics: the test has not finished')
    return json.loads(files[-1].read_text().splitlines()[-1])
