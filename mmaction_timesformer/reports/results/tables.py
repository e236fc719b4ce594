"""Tables of the results page, from the facts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data_analysis.report.tables import Cell, Column, Row, Table

Facts = Mapping[str, Any]

METRIC_NAMES = {
    'top1': 'top-1 accuracy',
    'top5': 'top-5 accuracy',
    'mean_class_accuracy': 'mean-class accuracy',
    'macro_precision': 'macro precision',
    'macro_f1': 'macro F1',
    'mean_average_precision': 'mean average precision',
    'macro_roc_auc': 'macro AUROC',
    'exact_match': 'all labels right',
    'log_loss': 'negative log-likelihood',
    'calibration_error': 'calibration error',
    'precision': 'precision',
    'recall': 'recall',
    'f1': 'F1',
    'average_precision': 'average precision',
    'roc_auc': 'AUROC',
}
MOST_THRESHOLD_CLASSES = 12
MOST_CONFUSIONS = 12


def number(value: float | None, pattern: str = '{:.3f}') -> Cell:
    """A number, or a dash."""
    return Cell('–') if value is None else Cell(pattern.format(value), value)


def estimate(of: Facts | None, pattern: str = '{:.3f}') -> Cell:
    """A metric with its interval, sorted by the metric."""
    if of is None or of['value'] is None:
        return Cell('–')
    text = pattern.format(of['value'])
    if of['low'] is not None:
        text += f' ({pattern.format(of["low"])} to {pattern.format(of["high"])})'
    return Cell(text, of['value'])


def overall_table(facts: Facts) -> Table:
    """Every metric of the whole set, a column a run."""
    runs = facts['runs']
    columns = [Column('metric', 'fixed'), *(Column(run['name']) for run in runs)]
    rows = [
        Row([Cell(METRIC_NAMES[name]), *(estimate(r['figures']['whole'].get(name)) for r in runs)])
        for name in runs[0]['figures']['whole']
    ]
    return Table('Metrics, with 95 % intervals', columns, rows)


def cost_table(facts: Facts) -> Table | None:
    """Cost of each run's model; None where nothing was measured."""
    measured = [run for run in facts['runs'] if run['cost']]
    if not measured:
        return None
    columns = [
        Column('run', 'fixed'),
        Column('parameters'),
        Column('GFLOPs a view'),
        Column('views'),
        Column('input', 'fixed'),
        Column('seconds a view'),
        Column('memory, MiB'),
        Column('device', 'fixed'),
    ]
    rows = []
    for run in measured:
        cost = run['cost']
        _, frames, height, width = cost['input_shape']
        rows.append(
            Row(
                [
                    Cell(run['name']),
                    number(cost['parameters'], '{:,.0f}'),
                    number(cost['flops'] / 1e9, '{:,.1f}'),
                    number(cost['views'], '{:.0f}'),
                    Cell(f'{frames} x {height} x {width}'),
                    number(cost['seconds'], '{:.3f}'),
                    number(cost['peak_bytes'] / 2**20, '{:,.0f}'),
                    Cell(cost['device']),
                ]
            )
        )
    return Table('What the models cost; a multiply-add is two FLOPs', columns, rows)


def class_table(facts: Facts, run: Facts) -> Table:
    """The metrics of each class."""
    figures = run['figures']
    names = list(next(iter(figures['per_class'].values())))
    columns = [Column('class', 'fixed'), Column('clips')]
    columns += [Column(METRIC_NAMES[name]) for name in names]
    rows = [
        Row(
            [
                Cell(class_name),
                number(figures['support'][class_name], '{:.0f}'),
                *(estimate(of_class[name], '{:.2f}') for name in names),
            ]
        )
        for class_name, of_class in figures['per_class'].items()
    ]
    return Table(_of('Classes', facts, run), columns, rows)


def confusion_list(run: Facts, classes: Sequence[str]) -> Table | None:
    """Which class is taken for which, the most frequent first."""
    counts = run['figures']['confusion']
    found = [
        (counts[true][taken], sum(counts[true]), true, taken)
        for true in range(len(counts))
        for taken in range(len(counts))
        if true != taken and counts[true][taken]
    ]
    if not found:
        return None
    rows = [
        Row(
            [
                Cell(classes[true]),
                Cell(classes[taken]),
                number(count, '{:.0f}'),
                number(count / total, '{:.1%}'),
            ]
        )
        for count, total, true, taken in sorted(found, reverse=True)[:MOST_CONFUSIONS]
    ]
    columns = [Column('true class', 'fixed'), Column('taken for', 'fixed')]
    columns += [Column('clips'), Column('share of the true class')]
    return Table('What is taken for what', columns, rows)


def faithfulness_table(facts: Facts) -> Table | None:
    """Deletion and insertion by class, beside those of random maps."""
    if not facts['faithfulness']:
        return None
    columns = [Column('class', 'fixed'), Column('clips'), Column('hidden, by map')]
    columns += [Column('hidden, at random'), Column('shown, by map'), Column('shown, at random')]
    columns += [Column('all hidden')]
    names = ('deletion', 'random_deletion', 'insertion', 'random_insertion', 'empty')
    rows = [
        Row(
            [
                Cell(class_name),
                number(of_class['num_clips'], '{:.0f}'),
                *(number(of_class[name], '{:.2f}') for name in names),
            ]
        )
        for class_name, of_class in facts['faithfulness']['by_class'].items()
    ]
    return Table('Mean probability of the class while patches are hidden or shown', columns, rows)


def threshold_tables(facts: Facts, run: Facts) -> list[Table]:
    """For each class: what a threshold finds and how often it cries wolf."""
    columns = [
        Column('threshold'),
        Column('recall'),
        Column('precision'),
        Column('false alarms'),
    ]
    tables = []
    for class_name, found in list(run['thresholds'].items())[:MOST_THRESHOLD_CLASSES]:
        found = [*found, *run['thresholds_for_recall'][class_name]]
        unlike = {(row['recall'], row['false_alarms']): row for row in found}
        rows = [
            Row(
                [
                    number(row['threshold'], '{:.3f}'),
                    number(row['recall'], '{:.1%}'),
                    number(row['precision'], '{:.1%}'),
                    _false_alarms(row),
                ]
            )
            for row in sorted(unlike.values(), key=lambda row: row['threshold'])
        ]
        tables.append(Table(class_name, columns, rows))
    return tables


def condition_tables(run: Facts) -> list[Table]:
    """Accuracy by length, by light and by recording, as far as known."""
    kinds = {'by_duration': 'length', 'by_light': 'light', 'by_recording': 'recording'}
    tables = []
    for key, name in kinds.items():
        columns = [Column(name, 'fixed'), Column('clips'), Column('accuracy')]
        rows = [
            Row(
                [
                    Cell(row['name']),
                    number(row['clips'], '{:.0f}'),
                    estimate({**row, 'value': row['top1']}, '{:.2f}'),
                ]
            )
            for row in run[key]
        ]
        if rows:
            tables.append(Table(f'Accuracy by {name}', columns, rows))
    return tables


def comparison_table(comparison: Facts) -> Table:
    """Differences of two runs on the same clips."""
    columns = [
        Column('metric', 'fixed'),
        Column(comparison['first']),
        Column(comparison['second']),
        Column('difference (95 % interval)'),
    ]
    rows = []
    for name, difference in comparison['differences'].items():
        of = {**difference, 'value': difference['difference']}
        rows.append(
            Row(
                [
                    Cell(METRIC_NAMES[name]),
                    number(difference['first']),
                    number(difference['second']),
                    estimate(of, '{:+.3f}'),
                ]
            )
        )
    return Table('', columns, rows)


def record_table(run: Facts) -> Table | None:
    """How a run was made: a column a record."""
    records = run['records']
    if not records:
        return None
    columns = [Column('', 'fixed'), *(Column(record['kind'], 'text') for record in records)]
    rows = [
        ('started', [record['started'] for record in records]),
        ('command', [' '.join(record['command']) for record in records]),
        ('weights', [record.get('checkpoint') or 'random' for record in records]),
        ('seed', [str(record['seed']) for record in records]),
        ('device', [record['device'] for record in records]),
        ('versions', [_pairs(record['versions']) for record in records]),
        ('data', [_data(record['data']) for record in records]),
    ]
    return Table(
        '', columns, [Row([Cell(name), *(Cell(text) for text in texts)]) for name, texts in rows]
    )


def _data(splits: Facts) -> str:
    return ', '.join(
        f'{name}: {split["num_clips"]} clips, {(split["sha256"] or "not hashed")[:12]}'
        for name, split in splits.items()
    )


def _pairs(versions: Facts) -> str:
    return ', '.join(f'{name} {version}' for name, version in versions.items())


def _of(title: str, facts: Facts, run: Facts) -> str:
    return title if len(facts['runs']) == 1 else f'{title} · {run["name"]}'


def _false_alarms(row: Facts) -> Cell:
    """How many, and their share of the clips of other classes."""
    rate = row['false_alarm_rate']
    share = '' if rate is None else f' ({rate:.1%})'
    return Cell(f'{row["false_alarms"]}{share}', row['false_alarms'])


def present(tables: Sequence[Table | None]) -> list[Table]:
    """Those that there are."""
    return [table for table in tables if table is not None]
