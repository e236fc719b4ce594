"""The work of `tools/prepare_dataset.py`."""

from __future__ import annotations

import argparse
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_analysis.inputs.datasets import (
    DatasetInput,
    SplitFile,
    input_from_annotations,
    input_from_folder,
)
from data_analysis.inputs.mmaction_config import order_of_classes
from data_analysis.measuring.measure import MeasureSettings
from data_analysis.splitting.preparation import PreparationSettings, Prepared, prepare
from data_analysis.splitting.presets import PRESETS, Preset, choose_preset, preset_of
from video_clips.commands import printable, progress_bar
from video_clips.labels import read_class_names
from video_clips.reading.remote import has_password

_STORE = 'measurements.sqlite'


def run_preparation(options: argparse.Namespace, configs: Path) -> int:
    """Prepare a dataset and print what was written.

    Args:
        options: The command line.
        configs: The folder in which presets find their configs.
    """
    console = Console(highlight=False)
    preset, why = _choose(options)
    base = options.base_config or configs / preset.config
    console.print(f'Recipe: {escape(preset.what)} ({escape(why)})', soft_wrap=True)
    dataset = _read(options, base)
    for note in dataset.notes:
        console.print(f'[yellow]note:[/] {escape(printable(note))}', soft_wrap=True)
    settings = PreparationSettings(
        out=options.out,
        base_config=base,
        preset=preset,
        dangers=read_class_names(options.dangers),
        copies=options.copies,
        val_share=options.val,
        test_share=options.test,
        num_folds=options.folds,
        leave_one_group_out=options.leave_one_group_out,
        from_scenes=options.group_from_scenes,
        percents=options.fractions,
        allow_leak=options.allow_leak,
        seed=options.seed,
        measure=MeasureSettings(num_workers=options.workers, timeout_seconds=options.timeout),
    )
    _take_measurements(options.report, options.out)
    with progress_bar(console, 'Measuring', dataset.clips['file'].nunique()) as progress:
        prepared = prepare(dataset, settings, options.folder, progress)
    _print(console, prepared, dataset, settings)
    return 0


def _choose(options: argparse.Namespace) -> tuple[Preset, str]:
    if options.base_config is not None:
        if options.preset:
            raise ValueError('--preset and --base-config both choose the recipe; give one')
        return preset_of(options.base_config), '--base-config'
    others = ', '.join(f'--preset {name}' for name in PRESETS)
    if options.preset:
        return PRESETS[options.preset], f'--preset {options.preset}'
    name = choose_preset()
    found = 'a GPU was found' if name == 'gpu' else 'no GPU was found'
    return PRESETS[name], f'{found}; there are {others}'


def _read(options: argparse.Namespace, base_config: Path) -> DatasetInput:
    if has_password(options.folder):
        raise ValueError(
            'the URL of the videos holds a password, which would be written into lists and '
            "configs; give it by the environment or the protocol's own configuration"
        )
    classes = read_class_names(options.classes)
    if options.csv is None:
        if options.group_column:
            raise ValueError('--group-column names a column of --csv; give both')
        dataset = input_from_folder(options.folder, classes, options.group_regex)
    else:
        dataset = input_from_annotations(
            [SplitFile('', options.csv, options.folder)],
            classes,
            options.group_regex,
            options.group_column or 'recording',
        )
    if (dataset.clips['label'] == '').all():
        where = options.csv or options.folder
        raise ValueError(
            f'{where}: no clip has a label; a subfolder for each class is expected, or --csv with '
            'the columns path and label'
        )
    if classes:
        return dataset
    # A dataset with a class list of its own must read the same labels from the lists.
    return replace(dataset, classes=order_of_classes(dataset.classes, base_config))


def _take_measurements(report: Path | None, out: Path) -> None:
    """Let measurements of an earlier report of the same videos serve again."""
    places = [report] if report else [Path('work_dirs', 'report'), Path('dataset_report')]
    if report and not (report / _STORE).is_file():
        raise FileNotFoundError(f'{report / _STORE}: no such measurements')
    store = next((place / _STORE for place in places if (place / _STORE).is_file()), None)
    if store is not None and not (out / _STORE).exists():
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store, out / _STORE)


def _print(
    console: Console, prepared: Prepared, dataset: DatasetInput, settings: PreparationSettings
) -> None:
    for name, counts in prepared.counts.items():
        console.print(_count_table(name, counts))
    console.print(escape(_about_groups(prepared, dataset, settings)), soft_wrap=True)
    if len(prepared.left_out):
        first = prepared.left_out.iloc[0]
        reason = escape(printable(f'{first["path"]}: {first["error"]}'))
        console.print(
            f'[yellow]{len(prepared.left_out)} clips cannot be read and are in no list[/], the '
            f'first is {reason}',
            soft_wrap=True,
        )
    for code, found in prepared.leaks.groupby('code', sort=False):
        detail = escape(printable(found['detail'].iloc[0]))
        console.print(f'[yellow]{code}[/]: {len(found)}, for instance {detail}', soft_wrap=True)
    _print_choices(console, prepared)
    console.print(f'Lists and configs are in [bold]{escape(str(settings.out))}[/]. To train:')
    for config in prepared.configs:
        command = shlex.join(['python', 'tools/train.py', _relative(config)])
        console.print(f'  {escape(command)}', soft_wrap=True)


def _print_choices(console: Console, prepared: Prepared) -> None:
    alarms = escape(printable(', '.join(prepared.dangers)))
    console.print(f'Detection raises alarms for: {alarms} (--dangers chooses)', soft_wrap=True)
    if prepared.span_seconds:
        console.print(f'and watches windows of {prepared.span_seconds:g} s, as training sees clips')
    if prepared.num_copies is not None:
        console.print(
            f'Training reads {prepared.num_copies} small copies, which load at least twice as fast '
            '(--copies never trains on the videos)',
            soft_wrap=True,
        )


def _about_groups(prepared: Prepared, dataset: DatasetInput, settings: PreparationSettings) -> str:
    if (dataset.clips['recording'] != '').any() or settings.from_scenes:
        return f'{prepared.num_groups} groups of clips that stay together'
    return (
        'Recordings are not known, so each clip counts as one of its own. If clips were cut from '
        'longer videos, parts of one video are now in train and in test, and the score will be too '
        'high: name the recordings with --group-regex or --group-column, or find scenes that look '
        'alike with --group-from-scenes.'
    )


def _count_table(name: str, counts: pd.DataFrame) -> Table:
    table = Table(
        title=escape(name) or 'Clips', title_justify='left', title_style='bold', box=SIMPLE_HEAD
    )
    table.add_column('class')
    for split in counts.columns:
        table.add_column(str(split), justify='right')
    for label, row in counts.iterrows():
        table.add_row(escape(printable(str(label))), *map(str, row))
    table.add_row('all', *map(str, counts.sum()), style='bold')
    return table


def _relative(path: Path) -> str:
    resolved = path.resolve()
    return str(
        resolved.relative_to(Path.cwd()) if resolved.is_relative_to(Path.cwd()) else resolved
    )
