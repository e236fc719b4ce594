"""What `tools/prepare_dataset.py` does with its arguments."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from data_analysis.cli import in_a_line, measuring_bar, read_classes
from data_analysis.inputs.datasets import (
    DatasetInput,
    SplitFile,
    input_from_annotations,
    input_from_folder,
)
from data_analysis.inputs.mmaction_config import order_of_classes
from data_analysis.measuring.measure import MeasureSettings
from data_analysis.splitting.preparation import PreparationSettings, Prepared, prepare


def run_preparation(options: argparse.Namespace) -> int:
    """Prepares a dataset, prints what was written, and returns the exit status."""
    console = Console()
    try:
        dataset = _read(options)
        settings = _settings(options)
        with measuring_bar(console, dataset.clips['file'].nunique()) as progress:
            prepared = prepare(dataset, settings, options.folder, progress)
    except (ValueError, OSError) as error:
        print(f'error: {in_a_line(error)}', file=sys.stderr)
        return 2
    _print(console, prepared, settings)
    return 0


def _read(options: argparse.Namespace) -> DatasetInput:
    classes = read_classes(options.classes)
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
    if classes:
        return dataset
    # A dataset with a class list of its own must read the same labels from the lists.
    return replace(dataset, classes=order_of_classes(dataset.classes, options.base_config))


def _settings(options: argparse.Namespace) -> PreparationSettings:
    return PreparationSettings(
        out=options.out,
        base_config=options.base_config,
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


def _print(console: Console, prepared: Prepared, settings: PreparationSettings) -> None:
    for name, counts in prepared.counts.items():
        console.print(_count_table(name, counts))
    console.print(f'{prepared.num_groups} groups of clips that stay together')
    if len(prepared.left_out):
        first = prepared.left_out.iloc[0]
        console.print(
            f'[yellow]{len(prepared.left_out)} clips cannot be read and are in no list[/], the '
            f'first is {_printable(first["path"])}: {first["error"]}'
        )
    for code, found in prepared.leaks.groupby('code', sort=False):
        console.print(f'[yellow]{code}[/]: {len(found)}, for instance {found["detail"].iloc[0]}')
    console.print(f'Lists and configs are in [bold]{settings.out}[/]. To train:')
    for config in prepared.configs:
        console.print(f'  python tools/train.py {_relative(config)}', soft_wrap=True)


def _printable(path: str) -> str:
    return path.encode('utf-8', 'backslashreplace').decode('utf-8')


def _count_table(name: str, counts: pd.DataFrame) -> Table:
    table = Table(title=name or 'Clips', title_justify='left', title_style='bold', box=SIMPLE_HEAD)
    table.add_column('class')
    for split in counts.columns:
        table.add_column(str(split), justify='right')
    for label, row in counts.iterrows():
        table.add_row(str(label), *map(str, row))
    table.add_row('all', *map(str, counts.sum()), style='bold')
    return table


def _relative(path: Path) -> str:
    resolved = path.resolve()
    return str(
        resolved.relative_to(Path.cwd()) if resolved.is_relative_to(Path.cwd()) else resolved
    )
