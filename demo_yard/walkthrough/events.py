"""The demo's step that finds dangers in long videos of days that the model never saw."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from demo_yard.rendering.recordings import TUNING_SEED, UNSEEN_SEED, render_recordings
from demo_yard.walkthrough.demo_run import CONFIG, DemoRun
from demo_yard.walkthrough.steps import last_checkpoint

MINUTES, QUICK_MINUTES = 5.0, 0.7
FALSE_ALARMS_PER_HOUR = 6
"""Rate that thresholds are tuned for; in five minutes it allows none."""
SHOWN_THRESHOLD = 0.3
EVENT_F1 = f'events/F1 at tIoU {SHOWN_THRESHOLD}'


def find_events(run: DemoRun) -> None:
    """Tune thresholds for `tools/detect.py` on some long videos, and find the events of others."""
    folder = (run.options.work_dir / 'events').resolve()
    minutes = QUICK_MINUTES if run.options.quick else MINUTES
    tuning, unseen = (
        render_recordings(folder / f'{name}_{minutes:g}_minutes', seed, run.options.seed, minutes)
        for name, seed in (('tuning', TUNING_SEED), ('unseen', UNSEEN_SEED))
    )
    tuned, figures = folder / 'tuned.py', folder / 'figures.json'
    found = _detect(run, CONFIG, tuning, folder / 'tuning')
    truth = tuning / 'events.json'
    arguments: list[str | Path] = ['--tune', str(FALSE_ALARMS_PER_HOUR)]
    arguments += ['--write', tuned, '--config', CONFIG]
    run.command(['tools/evaluate_events.py', found, truth, *arguments])
    found = _detect(run, tuned, unseen, folder / 'unseen', '--clips')
    run.command(['tools/evaluate_events.py', found, unseen / 'events.json', '--out', figures])
    _publish(run, json.loads(figures.read_text()), minutes, found)


def _detect(run: DemoRun, config: Path, recordings: Path, out: Path, *options: str) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    checkpoint = last_checkpoint(run.training).resolve()
    run.command(['tools/detect.py', config, checkpoint, recordings, '--out', out, *options])
    return out


def _publish(run: DemoRun, rows: list[dict[str, Any]], minutes: float, found: Path) -> None:
    row = next(r for r in rows if r['label'] == 'all' and r['threshold'] == SHOWN_THRESHOLD)
    f1 = row['f1']['value'] or 0.0
    num_right = round(f1 * (row['num_true'] + row['num_found']) / 2)
    num_false = row['num_found'] - num_right
    alarms = '1 false alarm' if num_false == 1 else f'{num_false} false alarms'
    run.metrics[EVENT_F1] = f1
    run.metrics['events/false alarms an hour'] = row['false_alarms_per_hour']['value']
    pictures = sorted((found / 'events').glob('*.jpg'))
    run.publish(
        'Danger events',
        f'What happened when in {minutes:g} minutes of unseen long videos: {num_right} of '
        f'{row["num_true"]} events found, {alarms} (F1 {f1:.2f} at tIoU '
        f'{SHOWN_THRESHOLD}).',
        found / 'report.html',
        pictures[0] if pictures else None,
    )
