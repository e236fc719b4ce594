"""False alarms on the next day, after one hour of a first day has been reviewed and learned.

For each of some rendered sites: a model is trained on clips of the site, watches one day, and a
reviewer who knows the truth gives verdicts on its alarms and on the windows that it was least sure
of. The verdicts are learned at once. Before and after, the model watches the next day, which has
weather, light, wagons, clothes and events of its own.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from benchmarks.learning.reviewing import Verdicts, review
from benchmarks.learning.watching import FrameMemo, watch
from benchmarks.record import Record, table
from demo_yard.rendering.dataset import DemoSettings, render_demo_dataset
from mmaction_timesformer.detection.quality.command import Results, figures_of
from mmaction_timesformer.detection.quality.evaluate import EventMetrics, evaluate_events
from mmaction_timesformer.engine.launch import TrainingOptions, run_training
from mmaction_timesformer.learning.corrections import Corrections, read_corrections
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.learning.lineage import Card, Lineage
from mmaction_timesformer.learning.steps import learn_at_once, start

SEEDS = (7301, 7302, 7303)
"""Of sites and their days; nothing was chosen on them."""
NUM_CLIPS, NUM_WINDOWS = 300, 200
RECORDING_SECONDS, NUM_RECORDINGS = 100.0, 36
"""One hour a day, of which less may be watched."""
VERDICT_SECONDS = 20.0
"""For one alarm or window, so that an hour has 180 verdicts."""
THRESHOLD = 0.3
"""tIoU from which an alarm is right."""


@dataclass(frozen=True)
class Day:
    """How a model does on the second day.

    Attributes:
        results: Its events and the truth.
        metrics: At `THRESHOLD`, all classes together.
    """

    results: Results
    metrics: EventMetrics


@dataclass(frozen=True)
class Trial:
    """One site.

    Attributes:
        seed: Of the site.
        verdicts: What the reviewer said.
        card: Of the model that learned it.
        before: The second day without learning.
        after: The second day with it.
    """

    seed: int
    verdicts: Verdicts
    card: Card
    before: Day
    after: Day


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this part."""
    parser.add_argument('--folder', type=Path, default=Path('work_dirs/review_hour'))
    parser.add_argument('--seeds', type=int, nargs='+', default=SEEDS, help='of the sites')
    parser.add_argument('--recordings', type=int, default=NUM_RECORDINGS, help='watched a day')
    parser.add_argument('--workers', type=int, default=1, help='processes that render')


def run(options: argparse.Namespace) -> None:
    """Run all sites and write the record."""
    trials = [
        try_site(options.folder / f'yard{seed}', seed, options.recordings, options.workers)
        for seed in options.seeds
    ]
    write(trials, options.recordings, options.out)


def try_site(folder: Path, seed: int, count: int, workers: int = 1) -> Trial:
    """Render, train, watch, review, learn and watch again."""
    days = [(recordings, count) for recordings in render_site(folder, seed, workers)]
    config, checkpoint = train(folder)
    lineage = begin(folder, checkpoint)
    memo = FrameMemo()
    first = watch(config, lineage.checkpoint('0001'), days[0], folder / 'first', memo)
    num_verdicts, classes = round(3600 / VERDICT_SECONDS), lineage.current.classes
    verdicts = review(first, days[0][0], num_verdicts, classes)
    verdicts.corrections.write(folder / 'corrections.csv')
    learner = Learner.open(lineage.checkpoint('0001'), lineage.cache)
    card = learn_at_once(lineage, verdicts.corrections, 'oracle', learner=learner)
    found = [
        day(watch(config, lineage.checkpoint(model), days[1], folder / f'second_{model}', memo))
        for model in ('0001', card.model)
    ]
    return Trial(seed, verdicts, card, *found)


def render_site(folder: Path, seed: int, workers: int) -> list[Path]:
    """Clips to train on, and two days; returns the days' recordings."""
    clips = DemoSettings(num_clips=NUM_CLIPS, num_windows=NUM_WINDOWS, seed=seed)
    render_demo_dataset(folder / 'train', clips, workers)
    for number in (1, 2):
        settings = DemoSettings(
            num_clips=0,
            num_untrimmed=NUM_RECORDINGS,
            untrimmed_seconds=RECORDING_SECONDS,
            seed=2_000_000 + 10 * seed + number,
            site_seed=seed,
        )
        render_demo_dataset(folder / f'day{number}', settings, workers)
    return [folder / f'day{number}' / 'untrimmed' for number in (1, 2)]


def make_config(folder: Path) -> Config:
    """The recipe for a CPU, for small clips of four seconds from a camera that is known.

    One plain view of each clip: other cameras' views are for cameras that are not known.
    """
    root = Path(__file__).parents[2]
    base = 'configs/own_videos/closedform_efficientnet-lite0_1xb8-8x32x1-3e_own-videos-rgb.py'
    config = Config.fromfile(root / base)
    for name in ('train', 'val', 'test'):
        dataset = config[f'{name}_dataloader'].dataset
        dataset.data_root = str(folder / 'train')
        config[f'{name}_dataloader'].num_workers = 0
        config[f'{name}_dataloader'].persistent_workers = False
        for steps in (dataset, config):
            key = 'pipeline' if steps is dataset else f'{name}_pipeline'
            steps[key] = [_step(step) for step in steps[key] if step['type'] != 'CameraAugment']
    config.train_cfg.update(max_epochs=1, val_begin=1)
    detection = Config.fromfile(root / 'configs/_base_/detection/railway_yard.py').detection
    detection.pop('clip_fps')
    config.detection = dict(detection, hop_seconds=0.5)
    return config


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """A step of a pipeline for pictures of 160x120 and clips of four seconds."""
    if step['type'] == 'Resize':
        return dict(step, scale=(128, 128))
    if step['type'] == 'SampleClip':
        others = {key: value for key, value in step.items() if key != 'frame_interval'}
        return dict(others, span_seconds=4.0)
    return dict(step)


def train(folder: Path) -> tuple[Path, Path]:
    """Train the model of a site, unless it is there."""
    work_dir = folder / 'run'
    checkpoint = work_dir / 'epoch_1.pth'
    file = folder / 'config.py'
    if not checkpoint.is_file():
        make_config(folder).dump(str(file))
        run_training(str(file), TrainingOptions(str(work_dir), no_validate=True, seed=0))
    return file, checkpoint


def begin(folder: Path, checkpoint: Path) -> Lineage:
    """A lineage whose exam are the validation and test clips."""
    shutil.rmtree(folder / 'lineage', ignore_errors=True)
    clips = folder / 'train'
    parts = [
        read_corrections(clips / f'{name}.csv', (), clips / 'videos') for name in ('val', 'test')
    ]
    if parts[0].classes != parts[1].classes:
        raise ValueError('validation and test have other classes')
    exam = Corrections.of([*parts[0].clips, *parts[1].clips], parts[0].classes)
    return start(folder / 'lineage', checkpoint, exam, by='benchmark')


def day(results: Results) -> Day:
    """Metrics of a day."""
    return Day(results, figures_of(results, (THRESHOLD,))[0])


def pooled(days: Sequence[Day]) -> EventMetrics:
    """Metrics of the same day at all sites together; intervals are over recordings."""
    events: dict[str, Any] = {}
    truth: dict[str, Any] = {}
    hours: dict[str, float] = {}
    for number, one in enumerate(days):
        results = one.results
        events |= {f'{number} {name}': found for name, found in results.events.items()}
        truth |= {f'{number} {name}': known for name, known in results.truth.items()}
        hours |= {f'{number} {name}': length for name, length in results.hours.items()}
    labels = list(days[0].results.rules)
    return evaluate_events(events, truth, hours, labels, (THRESHOLD,))[0]


def write(trials: Sequence[Trial], count: int, out: Path) -> None:
    """Write the record."""
    rows = [_row(str(t.seed), t.before.metrics, t.after.metrics, t) for t in trials]
    before, after = (pooled([getattr(t, name) for t in trials]) for name in ('before', 'after'))
    rows.append(_row('all', before, after))
    Record(
        'review_hour',
        'False alarms on the next day, after one hour of review',
        dict(
            sites=len(trials),
            hours_a_day=count * RECORDING_SECONDS / 3600,
            verdicts_an_hour=round(3600 / VERDICT_SECONDS),
            tIoU=THRESHOLD,
            rules='those of configs/_base_/detection/railway_yard.py, not tuned',
            model='EfficientNet-Lite0 stage 7 at 128x128, ridge regression, one view of each clip',
        ),
        rows,
        [
            'Rendered sites; seeds that nothing was chosen on. The reviewer knows the truth; '
            'alarms come first, then the windows that the model was least sure of. Intervals of '
            '95 % are over recordings.',
            '',
            *table(list(rows[0]), [list(row.values()) for row in rows]),
        ],
    ).write(out)


def _row(
    name: str, before: EventMetrics, after: EventMetrics, trial: Trial | None = None
) -> dict[str, Any]:
    ratio = after.false_alarms_per_hour.value / max(before.false_alarms_per_hour.value, 1e-9)
    row = {
        'site': name,
        'false alarms per hour before': str(before.false_alarms_per_hour),
        'after': str(after.false_alarms_per_hour),
        'ratio': f'{ratio:.2f}',
        'recall before': str(before.recall),
        'recall after': str(after.recall),
        'F1 before': str(before.f1),
        'F1 after': str(after.f1),
        'true events': before.num_true,
    }
    if trial is None:
        return row | {'alarms reviewed': '', 'windows reviewed': '', 'fit, s': '', 'gate': ''}
    return row | {
        'alarms reviewed': trial.verdicts.num_alarms,
        'windows reviewed': trial.verdicts.num_windows,
        'fit, s': f'{trial.card.change["fit_seconds"]:.2f}',
        'gate': 'passed' if trial.card.passed else '; '.join(trial.card.reasons),
    }
