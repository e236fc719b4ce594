"""Parts of the report as plain data for its template, from the summary alone."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.measuring.tables import ALL
from data_analysis.report.charts import DrawnFigure
from data_analysis.report.charts.fonts import DPI
from data_analysis.report.tables import name_of_short
from data_analysis.summary.strips import DecodedStrip
from data_analysis.summary.summary import Summary

_CSS_PIXELS_PER_INCH = 104
_EXAMPLES_OF_A_FINDING = 6


def findings_of(summary: Summary, strips: Sequence[DecodedStrip]) -> list[dict[str, Any]]:
    """Findings by code, the gravest first, with advice, examples and strips."""
    found = []
    order = {'error': 0, 'warning': 1, 'info': 2}
    for row in sorted(summary['problems']['by_code'], key=lambda row: order[row['severity']]):
        kind = PROBLEM_CODES[row['code']]
        examples = [
            {
                'path': item['path'],
                'where': ' · '.join(filter(None, (item['label'], item['split']))) + ': '
                if item['label'] or item['split']
                else '',
                'detail': item['detail'],
            }
            for item in summary['problems']['examples']
            if item['code'] == row['code']
        ][:_EXAMPLES_OF_A_FINDING]
        found.append(
            {
                'code': row['code'],
                'severity': row['severity'],
                'title': kind.title,
                'advice': kind.advice,
                'count': row['count'],
                'examples': examples,
                'more': row['count'] - len(examples),
                'strips': [
                    strip_view(item)
                    for item in strips
                    if (item.strip['kind'], item.strip['key']) == ('problem', row['code'])
                ],
            }
        )
    return found


def strip_view(item: DecodedStrip) -> dict[str, Any]:
    """A strip with its pictures, and which of them go back in time."""
    strip = item.strip
    frames = [frame - strip['start_frame'] for frame in strip['frames']]
    pictures = [
        {'data': data, 'frame': frame, 'back': position > 0 and frame < frames[position - 1]}
        for position, (data, frame) in enumerate(zip(item.pictures, frames, strict=False))
    ]
    return {
        'path': strip['path'],
        'heading': strip['key'] if strip['kind'] == 'class' else '',
        'pictures': pictures,
        'reason': item.reason,
    }


def gallery_view(strips: Sequence[DecodedStrip]) -> list[dict[str, Any]]:
    """The clips of each class side by side, as one strip."""
    pictures: dict[str, list[dict[str, Any]]] = {}
    for item in strips:
        if item.strip['kind'] == 'gallery' and item.pictures:
            name = Path(item.strip['path']).name
            picture = {'data': item.pictures[0], 'frame': name, 'back': False}
            pictures.setdefault(item.strip['key'], []).append(picture)
    return [
        {'path': f'{len(shown)} clips', 'heading': label, 'pictures': shown, 'reason': ''}
        for label, shown in pictures.items()
    ]


def figures_of(figures: Sequence[DrawnFigure], section: str) -> list[dict[str, Any]]:
    """The figures of a section, as data."""
    shown = []
    for figure in figures:
        if figure.kind.section == section:
            data = figure.file.read_bytes()
            width, height = struct.unpack('>II', data[16:24])
            scale = _CSS_PIXELS_PER_INCH / DPI
            shown.append(
                {
                    'name': figure.kind.name,
                    'title': figure.kind.title,
                    'sentence': figure.sentence,
                    'data': base64.b64encode(data).decode('ascii'),
                    'width': round(width * scale),
                    'height': round(height * scale),
                }
            )
    return shown


def title_of(summary: Summary) -> str:
    """Name of the set: its folder, or its config."""
    source = summary['source']
    if source['kind'] == 'folder':
        return Path(source['root']).name or source['root']
    if source['kind'] == 'config':
        file = Path(source['file']).resolve()
        return file.parent.name if file.stem == 'config' else file.stem
    lists = [Path(split['file']) for split in source['splits'].values()]
    return lists[0].resolve().parent.name or ' + '.join(source['splits'])


def source_line_of(summary: Summary) -> str:
    """Where the clips come from."""
    source = summary['source']
    if source['kind'] == 'folder':
        return f'Folder {source["root"]}'
    if source['kind'] == 'config':
        return f'Config {source["file"]}'
    return 'Annotations ' + ', '.join(split['file'] for split in source['splits'].values())


def cards_of(summary: Summary) -> list[dict[str, str]]:
    """The set in a few figures."""
    numbers = summary['totals']
    length = summary['distributions']['duration_seconds']['classes'].get(ALL)
    cards = [('clips', f'{numbers["clips"]:,}')]
    if summary['classes']:
        cards.append(('classes', f'{len(summary["classes"]):,}'))
    if len(summary['splits']) > 1:
        cards.append(('splits', str(len(summary['splits']))))
    if numbers['recordings']:
        cards.append(('recordings', f'{numbers["recordings"]:,}'))
    hours = numbers['hours']
    cards.append(('hours', f'{hours:,.1f}') if hours >= 1 else ('minutes', f'{60 * hours:.1f}'))
    if length:
        cards.append(('median length', f'{length["median"]:.1f} s'))
    cards.append((name_of_short(summary), f'{summary["sampler"]["short_share"]:.1%}'))
    return [{'name': name, 'number': number} for name, number in cards]


def verdict_of(summary: Summary) -> dict[str, str]:
    """The worst that was found, in a sentence."""
    counts = summary['problems']['by_severity']
    kinds = [row['severity'] for row in summary['problems']['by_code']]
    errors, warnings = counts.get('error', 0), counts.get('warning', 0)
    if errors:
        return {
            'severity': 'error',
            'text': f'{_plural(errors, "error")} of {_plural(kinds.count("error"), "kind")} and '
            f'{_plural(warnings, "warning")}: settle the errors before you train.',
        }
    if warnings:
        return {
            'severity': 'warning',
            'text': f'No errors, {_plural(warnings, "warning")} of '
            f'{_plural(kinds.count("warning"), "kind")}: read them before you train.',
        }
    return {'severity': 'good', 'text': 'Neither errors nor warnings.'}


def _plural(number: int, noun: str) -> str:
    return f'{number:,} {noun}' if number == 1 else f'{number:,} {noun}s'


def footer_of(summary: Summary) -> str:
    """How and when the set was measured."""
    measured = summary['measured']
    return (
        f'Made {summary["created"]} by data_analysis, schema {summary["schema_version"]}. Depth: '
        f'{measured["tier"]}; {measured["files_measured"]:,} files measured, '
        f'{measured["files_remembered"]:,} remembered, {measured["files_missing"]:,} missing.'
    )
