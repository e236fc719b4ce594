"""What ``tools/evaluate_events.py`` does with its arguments."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import (
    THRESHOLDS,
    EventFigures,
    evaluate_events,
)
from mmaction_timesformer.detection.quality.truth import TrueRecording, match_names, read_truth
from mmaction_timesformer.detection.quality.tune import TunedRule, tune_rules, write_rules
from mmaction_timesformer.detection.results.event_log import read_events
from mmaction_timesformer.detection.results.folder import (
    EVENTS,
    MANIFEST,
    SCORES,
    read_history,
    read_manifest,
)
from mmaction_timesformer.detection.results.score_log import read_scores
from video_clips.plain_data import plain
from video_clips.whole_files import write_atomically

_COLUMNS = {
    'precision': 'precision',
    'recall': 'recall',
    'f1': 'F1',
    'average_precision': 'AP',
    'false_alarms_per_hour': 'false alarms/h',
    'median_delay_seconds': 'delay s, median',
    'late_delay_seconds': 'delay s, 95 %',
}


@dataclass(frozen=True)
class Results:
    """What a run of detection found in the recordings of which the truth is known.

    Attributes:
        classes: The model's classes.
        rules: The rule of each danger.
        hop_seconds: Distance of windows.
        events: Closed events of each recording.
        scores: Its windows.
        truth: What happened in it.
        hours: How long it is.
    """

    classes: tuple[str, ...]
    rules: dict[str, EventRule]
    hop_seconds: float
    events: Mapping[str, list[DangerEvent]]
    scores: Mapping[str, list[ScoredWindow]]
    truth: Mapping[str, TrueRecording]
    hours: Mapping[str, float]


def read_results(folder: str | Path, truth_file: str | Path) -> Results:
    """Read the folder of a run and the truth about its recordings.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: They do not fit each other.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f'{folder} holds no results of detection ({MANIFEST} is missing)')
    manifest = read_manifest(folder / MANIFEST)
    classes, scores = read_scores(folder / SCORES)
    truth = read_truth(truth_file)
    history = read_history(folder / EVENTS)
    sources = {name: past for name, past in history.items() if past.state == 'finished'}
    names = match_names(sources, truth)
    missing = sorted(set(truth) - set(names.values()))
    if missing:
        raise ValueError(f'{folder} has no finished run over {missing[:5]}')
    events: dict[str, list[DangerEvent]] = {name: [] for name in truth}
    for event in read_events(folder / EVENTS):
        if event.source in names and event.state == 'closed':
            events[names[event.source]].append(event)
    ends = {names[source]: past.end_seconds for source, past in sources.items() if source in names}
    return Results(
        classes,
        {label: EventRule(**rule) for label, rule in manifest['rules'].items()},
        manifest['windows']['hop_seconds'],
        events,
        {names[source]: windows for source, windows in scores.items() if source in names},
        truth,
        {name: (known.duration_seconds or ends[name]) / 3600 for name, known in truth.items()},
    )


def evaluate_command(
    predictions: str,
    truth: str,
    out: str | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    tune: float | None = None,
    write: str | None = None,
    config: str | None = None,
) -> int:
    """Compare found events with true ones, or choose rules on them.

    Args:
        predictions: The folder of a run of ``tools/detect.py``.
        truth: The true events, as `read_truth` reads them.
        out: JSON file for the figures.
        thresholds: Of tIoU.
        tune: Choose rules for at most so many false alarms an hour instead.
        write: The config to write them to.
        config: The config that it builds on.

    Returns:
        The exit code.
    """
    try:
        results = read_results(predictions, truth)
        if tune is not None:
            rules = tune_results(results, tune)
            _print_rules(rules)
            if write:
                base = os.path.relpath(config, Path(write).parent) if config else None
                write_rules(write, {name: tuned.rule for name, tuned in rules.items()}, base)
            return 0
        figures = figures_of(results, thresholds)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    _print_figures(figures)
    if out:
        with write_atomically(out) as stream:
            json.dump([plain(asdict(row)) for row in figures], stream, indent=2)
    return 0


def figures_of(results: Results, thresholds: Sequence[float] = THRESHOLDS) -> list[EventFigures]:
    """The figures of a run."""
    return evaluate_events(
        results.events, results.truth, results.hours, tuple(results.rules), thresholds
    )


def tune_results(results: Results, max_false_alarms_per_hour: float) -> dict[str, TunedRule]:
    """The rules that would have been best for a run's scores."""
    return tune_rules(
        results.scores,
        results.truth,
        results.classes,
        results.rules,
        sum(results.hours.values()),
        results.hop_seconds,
        max_false_alarms_per_hour,
    )


def _print_figures(figures: Sequence[EventFigures]) -> None:
    table = Table(title='Events, with 95 % intervals over recordings')
    for column in ('tIoU', 'class', 'true', 'found'):
        table.add_column(column)
    for column in _COLUMNS.values():
        table.add_column(column, justify='right')
    for row in figures:
        table.add_row(
            f'{row.threshold:g}',
            row.label,
            str(row.num_true),
            str(row.num_found),
            *(str(getattr(row, name)) for name in _COLUMNS),
            end_section=row is figures[-1],
        )
    _print(table)


def _print_rules(rules: Mapping[str, TunedRule]) -> None:
    table = Table(title='Chosen rules, and how they do on the recordings that chose them')
    spans = ('min s', 'merge s', 'widen s')
    for column in ('class', 'smoothing', 'enter', 'leave', *spans, 'F1', 'false/h'):
        table.add_column(column)
    for label, tuned in rules.items():
        rule = tuned.rule
        table.add_row(
            label,
            f'{rule.smoothing} {rule.smoothing_seconds:g}',
            f'{rule.enter:g}',
            f'{rule.leave:g}',
            f'{rule.min_seconds:g}',
            f'{rule.merge_gap_seconds:g}',
            f'{rule.widen_seconds:g}',
            f'{tuned.f1:.2f}',
            f'{tuned.false_alarms_per_hour:.1f}',
        )
    _print(table)


def _print(table: Table) -> None:
    """Print a table whole, also into a file, where nobody tells how wide a line may be."""
    console = Console()
    Console(width=None if console.is_terminal else 220).print(table)
