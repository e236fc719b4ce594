"""The command behind ``tools/evaluate_events.py``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import (
    THRESHOLDS,
    EventMetrics,
    evaluate_events,
)
from mmaction_timesformer.detection.quality.truth import TrueRecording, match_names, read_truth
from mmaction_timesformer.detection.quality.tune import (
    ScoredRecordings,
    TunedRule,
    tune_rules,
    write_rules,
)
from mmaction_timesformer.detection.results.event_log import read_events
from mmaction_timesformer.detection.results.folder import (
    EVENTS,
    MANIFEST,
    SCORES,
    read_history,
    read_manifest,
)
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.settings import windows_of
from mmaction_timesformer.detection.windows import WindowSettings
from video_clips.commands import printable
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
    """Results of a run for the recordings of which the truth is known.

    Attributes:
        classes: The model's classes.
        rules: The rule of each danger.
        windows: How windows lie in time.
        events: Closed events of each recording.
        scores: Its windows.
        truth: Its true events.
        hours: How long it is.
        notes: What of the truth is left out.
    """

    classes: tuple[str, ...]
    rules: dict[str, EventRule]
    windows: WindowSettings
    events: Mapping[str, list[DangerEvent]]
    scores: Mapping[str, list[ScoredWindow]]
    truth: Mapping[str, TrueRecording]
    hours: Mapping[str, float]
    notes: tuple[str, ...] = ()


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
    rules = {label: EventRule(**rule) for label, rule in manifest['rules'].items()}
    notes = _left_out(truth, set(names.values()), classes, rules)
    truth = {name: known for name, known in truth.items() if name in names.values()}
    events: dict[str, list[DangerEvent]] = {name: [] for name in truth}
    for event in read_events(folder / EVENTS):
        if event.source in names and event.state == 'closed':
            events[names[event.source]].append(event)
    ends = {names[source]: past.end_seconds for source, past in sources.items() if source in names}
    return Results(
        classes,
        rules,
        WindowSettings(**manifest['windows']),
        events,
        {names[source]: windows for source, windows in scores.items() if source in names},
        truth,
        {name: (known.duration_seconds or ends[name]) / 3600 for name, known in truth.items()},
        notes,
    )


def _left_out(
    truth: Mapping[str, TrueRecording],
    watched: set[str],
    classes: Sequence[str],
    rules: Mapping[str, EventRule],
) -> tuple[str, ...]:
    """Check the labels of the truth and name what is left out of it.

    Raises:
        ValueError: A label is not a class of the model.
    """
    labels = {event.label for known in truth.values() for event in known.events}
    if unknown := sorted(labels - set(classes)):
        raise ValueError(f'the truth names {unknown}, but the classes are {list(classes)}')
    notes = []
    if missing := sorted(set(truth) - watched):
        shown = ', '.join(missing[:5])
        notes.append(f'{len(missing)} recordings of the truth were not watched to the end: {shown}')
    if others := sorted(labels - set(rules)):
        notes.append(f'true events of {others} are left out: they are no dangers of this run')
    return tuple(notes)


@dataclass(frozen=True)
class EvaluateArguments:
    """Arguments of ``tools/evaluate_events.py``.

    Attributes:
        predictions: The folder of a run of ``tools/detect.py``.
        truth: The true events, as `read_truth` reads them.
        out: JSON file for the metrics.
        thresholds: Of tIoU.
        tune: Choose rules for at most so many false alarms per hour instead.
        write: The config to write them to.
        config: The config that it builds on.
    """

    predictions: str
    truth: str
    out: str | None = None
    thresholds: Sequence[float] = THRESHOLDS
    tune: float | None = None
    write: str | None = None
    config: str | None = None


def evaluate_command(arguments: EvaluateArguments) -> int:
    """Compare found events with true ones, or choose rules on them.

    Returns:
        The exit code: 0; 2 if the input cannot be used; 130 after Ctrl-C.
    """
    try:
        results = read_results(arguments.predictions, arguments.truth)
        for note in results.notes:
            print(printable(f'note: {note}'), file=sys.stderr)
        if arguments.tune is not None:
            return _tune(results, arguments)
        figures = figures_of(results, arguments.thresholds)
        _print_figures(figures)
        if arguments.out:
            with write_atomically(arguments.out) as stream:
                json.dump([plain(asdict(row)) for row in figures], stream, indent=2)
    except (ValueError, OSError) as error:
        print(f'error: {printable(str(error))}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    return 0


def _tune(results: Results, arguments: EvaluateArguments) -> int:
    assert arguments.tune is not None
    base = None
    if arguments.config:
        _check_windows(arguments.config, results.windows)
        base = os.path.relpath(arguments.config, Path(arguments.write or '.').parent)
    tuned = tune_results(results, arguments.tune)
    _print_rules(tuned)
    if arguments.write:
        write_rules(arguments.write, {name: one.rule for name, one in tuned.items()}, base)
    lost = [name for name, one in tuned.items() if one.f1 == 0]
    if lost:
        text = (
            f'warning: no threshold finds a true event of {", ".join(lost)} at this rate of false '
            'alarms; their rules are the quietest ones'
        )
        print(printable(text), file=sys.stderr)
    return 0


def _check_windows(config: str, windows: WindowSettings) -> None:
    """Refuse a config whose windows are not those that gave the scores.

    Raises:
        ValueError: They differ, or the config cannot be read.
    """
    try:
        loaded = Config.fromfile(config)
    except OSError:
        raise
    # A config is a program that may raise anything.
    except Exception as error:
        raise ValueError(f'{config}: {type(error).__name__}: {error}') from error
    found = windows_of(loaded)
    if found != windows:
        raise ValueError(
            f'{config} has other windows ({found}) than the run ({windows}): rules that are tuned '
            'for one do not fit the other'
        )


def figures_of(results: Results, thresholds: Sequence[float] = THRESHOLDS) -> list[EventMetrics]:
    """The figures of a run."""
    return evaluate_events(
        results.events, results.truth, results.hours, tuple(results.rules), thresholds
    )


def tune_results(results: Results, max_false_alarms_per_hour: float) -> dict[str, TunedRule]:
    """The rules that would have been best for a run's scores."""
    recordings = ScoredRecordings(
        results.scores,
        results.truth,
        results.classes,
        sum(results.hours.values()),
        results.windows.hop_seconds,
    )
    return tune_rules(recordings, results.rules, max_false_alarms_per_hour)


def _print_figures(figures: Sequence[EventMetrics]) -> None:
    table = Table(title='Events, with 95 % intervals over recordings')
    for column in ('tIoU', 'class', 'true', 'reported', 'right'):
        table.add_column(column)
    for column in _COLUMNS.values():
        table.add_column(column, justify='right')
    for row in figures:
        table.add_row(
            f'{row.threshold:g}',
            printable(row.label),
            str(row.num_true),
            str(row.num_found),
            str(row.num_right),
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
            printable(label),
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
