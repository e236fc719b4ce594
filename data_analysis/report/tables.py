"""Tables of the report and of the terminal, as columns and cells, from the summary alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from data_analysis.measuring.tables import ALL, QUANTILES
from data_analysis.summary.compare import Change
from data_analysis.summary.summary import Summary

_MOST_ROWS = 250
_MOST_FINDINGS = 3000


@dataclass(frozen=True)
class Column:
    """A heading, and what stands under it: `number`, `fixed` (kept on one line) or `text`."""

    name: str
    kind: str = 'number'


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its sorting value and its badge."""

    text: str
    value: float | str | None = None
    severity: str = ''


@dataclass(frozen=True)
class Row:
    """Cells; a total stays at the end however the table is sorted."""

    cells: Sequence[Cell]
    total: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row] = field(default_factory=list)


def number_cell(value: float | None, pattern: str = '{:,.0f}') -> Cell:
    """A number as it is shown, or a dash."""
    return Cell('–') if value is None else Cell(pattern.format(value), value)


def class_split_table(summary: Summary) -> Table:
    """Class by split: clips, share, hours, frames, recordings."""
    with_splits = summary['splits'] != ['']
    with_recordings = summary['totals']['recordings'] > 0
    columns = [Column('class', kind='fixed')]
    columns += [Column('split', kind='fixed')] if with_splits else []
    columns += [Column(name) for name in ('clips', 'share', 'hours', 'frames')]
    columns += [Column('recordings')] if with_recordings else []
    rows = []
    for row in summary['class_table']:
        if row['split'] == ALL and len(summary['splits']) > 1 and row['label'] != ALL:
            continue
        cells = [Cell(row['label'] or 'all classes')]
        cells += [Cell(row['split'] or 'all splits')] if with_splits else []
        cells += [
            number_cell(row['clips']),
            number_cell(row['share'], '{:.1%}'),
            number_cell(row['hours'], '{:.2f}'),
            number_cell(row['frames']),
        ]
        cells += [number_cell(row['recordings'])] if with_recordings else []
        rows.append(Row(cells, total=row['label'] == ALL))
    return Table(
        'Clips by class' + (' and split' if with_splits else ''), columns, rows[:_MOST_ROWS]
    )


def spread_table(summary: Summary, measure: str, caption: str, pattern: str) -> Table:
    """Per class: smallest, 5%, quartiles, 95% and largest value of a measure."""
    names = {'p05': '5%', 'p25': '25%', 'p75': '75%', 'p95': '95%'}
    columns = [Column('class', kind='fixed'), Column('clips')]
    columns += [Column(names.get(name, name)) for name in QUANTILES]
    spreads = summary['distributions'][measure]['classes']
    rows = [
        Row(
            [Cell(name or 'all classes'), number_cell(row['clips'])]
            + [number_cell(row[quantile], pattern) for quantile in QUANTILES],
            total=name == ALL,
        )
        for name, row in spreads.items()
    ]
    return Table(caption, columns, sorted(rows[:_MOST_ROWS], key=lambda row: row.total))


def length_tables(summary: Summary) -> list[Table]:
    """Spreads of durations, numbers of frames and, where they differ, frame rates."""
    shown = [
        spread_table(summary, 'duration_seconds', 'Seconds', '{:.2f}'),
        spread_table(summary, 'num_frames', 'Frames', '{:,.0f}'),
    ]
    rates = summary['distributions']['fps']['classes'].get(ALL)
    if rates and rates['min'] < rates['max']:
        shown.append(spread_table(summary, 'fps', 'Frames a second', '{:.4g}'))
    return shown


def name_of_short(summary: Summary) -> str:
    """The treatment of clips with fewer frames than the sampler takes."""
    shrinks = summary['sampler']['settings']['short_clip'] == 'shrink_interval'
    return 'shown faster' if shrinks else 'too short'


def sampler_table(summary: Summary) -> Table:
    """Per class: clips that the sampler shows faster, wraps or repeats."""
    sampler = summary['sampler']
    columns = [
        Column('class', kind='fixed'),
        Column('clips'),
        Column(name_of_short(summary)),
        Column('share'),
        Column('always from frame 0'),
        Column('share'),
    ]
    rows = [
        Row(
            [
                Cell(row['label'] or 'all classes'),
                number_cell(row['clips']),
                number_cell(row['short']),
                number_cell(row['short_share'], '{:.1%}'),
                number_cell(row['unshifted']),
                number_cell(row['unshifted_share'], '{:.1%}'),
            ],
            total=row['label'] == ALL,
        )
        for row in sampler['classes']
    ]
    return Table(f'Sampling {sampler["name"]}', columns, rows[:_MOST_ROWS])


def sampler_example_table(summary: Summary) -> Table:
    """Exact frames that some clips would get."""
    columns = [
        Column('clip', kind='fixed'),
        Column('class', kind='fixed'),
        Column('frames'),
        Column('frames that the model gets (test)', kind='fixed'),
    ]
    rows = [
        Row(
            [
                Cell(example['path']),
                Cell(example['label']),
                number_cell(example['num_frames']),
                Cell(', '.join(map(str, example['indices']))),
            ]
        )
        for example in summary['sampler']['examples']
    ]
    return Table('Frames that the sampler takes', columns, rows)


def picture_tables(summary: Summary) -> list[Table]:
    """Codecs, pixel formats and containers."""
    rows = [
        Row([Cell(kind), Cell(str(entry[key]) or '–'), number_cell(entry['clips'])])
        for kind, key, entries in (
            ('codec', 'codec', summary['picture']['codecs']),
            ('pixel format', 'pixel_format', summary['picture']['pixel_formats']),
            ('container', 'container', summary['picture']['containers']),
        )
        for entry in entries
    ]
    columns = [Column('property', kind='fixed'), Column('value', kind='fixed'), Column('clips')]
    return [Table('How the files are coded', columns, rows[:_MOST_ROWS])]


def leakage_table(summary: Summary) -> Table:
    """The nearest neighbour on each split."""
    names = ('clips', 'alike', 'accuracy', 'macro-F1', 'p', 'guess', 'apart')
    columns = [Column('split', kind='fixed'), *map(Column, names), Column('alarm', kind='fixed')]
    rows = [
        Row(
            [
                Cell(score['split']),
                number_cell(score['num_clips']),
                number_cell(score['twin_share'], '{:.0%}'),
                number_cell(score['accuracy'], '{:.2f}'),
                number_cell(score['macro_f1'], '{:.2f}'),
                number_cell(score['p_value'], '{:.2g}'),
                number_cell(score['guessing_macro_f1'], '{:.2f}'),
                number_cell(score['separated_macro_f1'], '{:.2f}'),
                Cell('yes', severity='error') if score['alarm'] else Cell('no'),
            ]
        )
        for score in summary['leakage']
    ]
    return Table('A nearest neighbour on thumbnails', columns, rows)


def unjudged_table(summary: Summary) -> Table:
    """Splits that the leakage alarm says nothing about."""
    rows = [Row([Cell(row['split']), Cell(row['reason'])]) for row in summary['unjudged_splits']]
    columns = [Column('split', kind='fixed'), Column('because', kind='text')]
    return Table('Not judged by the leakage alarm', columns, rows)


def metadata_table(summary: Summary) -> Table:
    """File properties that predict the class."""
    columns = [
        Column('property', kind='fixed'),
        Column('mean class accuracy'),
        Column('chance'),
        Column('p'),
        Column('shortcut', kind='fixed'),
    ]
    rows = [
        Row(
            [
                Cell(skill['property']),
                number_cell(skill['balanced_accuracy'], '{:.2f}'),
                number_cell(skill['chance'], '{:.2f}'),
                number_cell(skill['p_value'], '{:.2g}'),
                Cell('yes', severity='warning') if skill['shortcut'] else Cell('no'),
            ]
        )
        for skill in summary['metadata']
    ]
    return Table('Naming the class from a file property alone', columns, rows)


def problem_table_of(summary: Summary) -> Table:
    """The findings one by one."""
    severities = ('error', 'warning', 'info')
    examples = summary['problems']['examples'][:_MOST_FINDINGS]
    optional = [key for key in ('label', 'split') if any(row[key] for row in examples)]
    columns = [Column(name, 'fixed') for name in ('severity', 'code', 'file')]
    columns += [Column({'label': 'class'}.get(key, key), 'fixed') for key in optional]
    columns.append(Column('detail', 'text'))
    rows = [
        Row(
            [
                Cell(row['severity'], severities.index(row['severity']), row['severity']),
                Cell(row['code']),
                Cell(row['path'] or '–'),
                *(Cell(row[key]) for key in optional),
                Cell(row['detail']),
            ]
        )
        for row in examples
    ]
    total = summary['problems']['total']
    caption = f'All {total} findings' if len(rows) == total else f'{len(rows)} of {total} findings'
    return Table(caption, columns, rows)


def change_table(changes: Sequence[Change]) -> Table:
    """Changes since the older summary."""
    columns = [
        Column('area', 'fixed'),
        *(Column(name, 'text') for name in ('value', 'before', 'now')),
    ]
    rows = [
        Row([Cell(item.area), Cell(item.what), Cell(item.before or '–'), Cell(item.after or '–')])
        for item in changes[:_MOST_ROWS]
    ]
    return Table('Changes', columns, rows)
