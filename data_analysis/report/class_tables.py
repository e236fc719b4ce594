"""Tables about what classes look like, and advice on how to go on."""

from __future__ import annotations

import shlex

from data_analysis.report.tables import Cell, Column, Row, Summary, Table, number_cell
from data_analysis.summary.cameras import LOOKS


def recording_table(summary: Summary) -> Table:
    """Clips by recording and class."""
    found, classes = summary['class_by_recording'], summary['classes']
    columns = [Column('recording', 'fixed'), *map(Column, classes)]
    rows = [Row([Cell(row['recording']), *map(number_cell, row['clips'])]) for row in found['rows']]
    more = '' if len(rows) == found['recordings'] else f', the largest of {found["recordings"]}'
    return Table(f'Clips by recording and class{more}', columns, rows)


def recording_sentence(summary: Summary) -> str:
    """How far the recording alone names the class."""
    found = summary['class_by_recording']
    text = (
        f'The recording alone names the class of {found["accuracy"]:.0%} of the clips that share '
        f'one ({found["guessing"]:.0%} by always answering the largest class).'
    )
    if found['accuracy'] > (1 + found['guessing']) / 2:
        return text + ' A model can learn the camera in place of the action: test on other ones.'
    return text


def looks_table(summary: Summary) -> Table:
    """Brightness, contrast, sharpness and motion by class."""
    columns = [Column('class', 'fixed'), Column('clips')]
    columns += [Column(name) for name in LOOKS]
    rows = []
    for row in summary['looks']:
        cells = [Cell(row['label']), number_cell(row['clips'])]
        for name in LOOKS:
            low, middle, high = row[name]
            pattern = '{:.0f}' if name in ('brightness', 'contrast') else '{:.2f}'
            if middle is None:
                cells.append(Cell('–'))
            else:
                shown = (pattern.format(value) for value in (middle, low, high))
                cells.append(Cell('{} ({} to {})'.format(*shown), middle))
        rows.append(Row(cells))
    return Table('Light, blur and motion by class: median (middle half)', columns, rows)


def doubts_table(summary: Summary) -> Table:
    """Clips that look like one of another class."""
    names = ('clip', 'class', 'looks like', 'of class')
    columns = [*(Column(name, 'fixed') for name in names), Column('distance')]
    rows = [
        Row(
            [
                *(Cell(row[key]) for key in ('path', 'label', 'twin', 'twin_label')),
                number_cell(row['distance'], '{:.2f}'),
            ]
        )
        for row in summary['label_doubts']
    ]
    return Table('Labels to look at', columns, rows)


def next_steps(summary: Summary) -> list[dict[str, str]]:
    """Next steps with the set: the command that prepares it, and the config that comes of it."""
    command, config = next_step(summary), summary.get('recommended_config')
    if command is None:
        return []
    if not config:
        return [command]
    caption = f'The config that this writes, to be changed as you like: {config["recipe"]}.'
    return [command, {'caption': caption, 'text': config['text']}]


def next_step(summary: Summary) -> dict[str, str] | None:
    """The command that divides the set and writes a config; None where it was divided before."""
    source = summary['source']
    if source['kind'] != 'folder' or summary['splits'] != [''] or not summary['classes']:
        return None
    command = ['python', 'tools/prepare_dataset.py', source['root'], '--out', 'data/mine']
    if summary['totals']['recordings']:
        command += ['--group-regex', 'REGEX_OF_THIS_REPORT']
    else:
        command.append('--group-from-scenes')
    return {
        'caption': 'Next, splits without leaks and a config to train with (--preset cpu, gpu or '
        'pretrained):',
        'text': shlex.join(command),
    }
