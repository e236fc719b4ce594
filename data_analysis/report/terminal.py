"""The summary as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.report import tables as tables
from data_analysis.summary.compare import Change
from data_analysis.summary.summary import Summary
from video_clips.commands import printable

_STYLES = {'error': 'bold red', 'warning': 'yellow', 'info': 'cyan'}
_MOST_ROWS = 40


def print_summary(
    console: Console, summary: Summary, changes: Sequence[Change] | None, out: Path
) -> None:
    """Prints classes by split, findings by code and the sampler, and where the report is."""
    if summary['balance']:
        _print(console, tables.class_split_table(summary))
    if summary['leakage']:
        _print(console, tables.leakage_table(summary))
    if summary['unjudged_splits']:
        _print(console, tables.unjudged_table(summary))
    console.print(_shown(summary['sampler']['sentence']), highlight=False)
    console.print()
    _print_findings(console, summary)
    if changes is not None:
        if changes:
            _print(console, tables.change_table(changes))
        else:
            console.print('Nothing changed since the older summary.')
    console.print(f'Report: [bold]{_shown(str(out / "report.html"))}[/bold]', highlight=False)


def _shown(text: str) -> str:
    """Text as it is, without markup and escape sequences."""
    return escape(printable(text))


def _print(console: Console, table: tables.Table) -> None:
    shown = _empty_table(_shown(table.caption))
    for column in table.columns:
        shown.add_column(
            _shown(column.name),
            justify='right' if column.kind == 'number' else 'left',
            overflow='fold',
        )
    for index, row in enumerate(table.rows):
        if index == _MOST_ROWS and not row.total:
            shown.add_row('…')
        if index < _MOST_ROWS or row.total:
            shown.add_row(
                *(_shown(cell.text) for cell in row.cells), style='bold' if row.total else None
            )
    console.print(shown)


def _empty_table(title: str) -> RichTable:
    return RichTable(
        title=title, title_justify='left', title_style='bold', box=SIMPLE_HEAD, pad_edge=False
    )


def _print_findings(console: Console, summary: Summary) -> None:
    rows = summary['problems']['by_code']
    if not rows:
        console.print('[green]Nothing was found.[/green]')
        return
    shown = _empty_table('Findings')
    shown.add_column('severity')
    shown.add_column('code')
    shown.add_column('count', justify='right')
    shown.add_column('what')
    order = list(_STYLES)
    for row in sorted(rows, key=lambda row: order.index(row['severity'])):
        style = _STYLES[row['severity']]
        title = PROBLEM_CODES[row['code']].title
        shown.add_row(f'[{style}]{row["severity"]}[/]', row['code'], f'{row["count"]:,}', title)
    console.print(shown)
