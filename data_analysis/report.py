"""`report.html`: the summary as one page that opens anywhere and loads nothing."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_analysis import report_tables as tables
from data_analysis.atomic import write_atomically
from data_analysis.compare import Change
from data_analysis.figures import DrawnFigure
from data_analysis.figures.style import DPI
from data_analysis.problem_codes import PROBLEM_CODES
from data_analysis.strips import DecodedStrip
from data_analysis.tables import ALL

Summary = dict[str, Any]

_CSS_PIXELS_PER_INCH = 104
_EXAMPLES_OF_A_FINDING = 6


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: Anchor, and the `section` of its figures.
        title: Headline.
        intro: What it answers.
        tables: Its tables.
        snippets: Text to copy.
        strips: Strips of frames.
    """

    name: str
    title: str
    intro: str = ''
    tables: Sequence[tables.Table] = ()
    snippets: Sequence[dict[str, str]] = ()
    strips: Sequence[dict[str, Any]] = field(default_factory=list)


def write_report(
    summary: Summary,
    figures: Sequence[DrawnFigure],
    strips: Sequence[DecodedStrip],
    changes: Sequence[Change] | None,
    file: Path,
) -> None:
    """Renders the page.

    Args:
        summary: See `summary.summarize`.
        figures: The figures that were drawn from it.
        strips: The decoded strips that it names.
        changes: What changed since an older summary; None without one.
        file: The page.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name('templates')),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    sections = _sections(summary, strips, changes)
    page = environment.get_template('report.html.j2').render(
        title=_title(summary),
        source_line=_source_line(summary),
        cards=_cards(summary),
        verdict=_verdict(summary),
        sections=sections,
        findings=_findings(summary, strips),
        figures={section.name: _figures(figures, section.name) for section in sections},
        footer=_footer(summary),
    )
    with write_atomically(file) as stream:
        stream.write(page)


def _sections(
    summary: Summary, strips: Sequence[DecodedStrip], changes: Sequence[Change] | None
) -> list[Section]:
    sections = [
        Section(
            'findings',
            'What to look at first',
            'The gravest first. Errors make a result false or a training stop; warnings '
            'probably cost accuracy; the rest is worth knowing when something else goes wrong.',
        )
    ]
    if changes is not None:
        intro = '' if changes else 'Nothing changed since the older summary.'
        sections.append(
            Section(
                'changes',
                'Since last time',
                intro,
                [tables.change_table(changes)] if changes else [],
            )
        )
    if summary['balance']:
        sections.append(
            Section(
                'classes',
                'Classes and splits',
                _balance_sentence(summary),
                [tables.class_split_table(summary)],
                _weight_snippets(summary),
            )
        )
    sections += [
        Section(
            'lengths',
            'Lengths',
            'How long the clips are, in seconds and in frames.',
            tables.length_tables(summary),
        ),
        Section(
            'sampler',
            'What the sampler sees',
            summary['sampler']['sentence'],
            [tables.sampler_table(summary), tables.sampler_example_table(summary)],
        ),
        Section('picture', 'Pictures and files', '', tables.picture_tables(summary)),
    ]
    if summary['leakage'] or summary['metadata']:
        sections.append(_honesty_section(summary))
    if class_strips := [
        _strip_view(item, summary) for item in strips if item.strip['kind'] == 'class'
    ]:
        sections.append(
            Section(
                'look',
                'What the model gets to see',
                'A clip of median length of each class, with exactly the frames that the '
                'sampler takes in a test. A red frame goes back in time: the clip is too short '
                'and was looped.',
                strips=class_strips,
            )
        )
    if summary['problems']['total']:
        sections.append(
            Section('problems', 'Findings one by one', '', [tables.problem_table_of(summary)])
        )
    return sections


def _honesty_section(summary: Summary) -> Section:
    found = []
    if summary['leakage']:
        found.append(tables.leakage_table(summary))
    if summary['metadata']:
        found.append(tables.metadata_table(summary))
    return Section(
        'leakage',
        'Can the score be believed?',
        'A model that knows nothing of actions should not do well: neither by finding a '
        'look-alike in train, nor from the length, size or frame rate of a file.',
        found,
    )


def _balance_sentence(summary: Summary) -> str:
    balance = summary['balance']
    where = f' in {balance["split"]}' if balance['split'] else ''
    return (
        f'Largest to smallest class{where}: {balance["imbalance_ratio"]:.2f} to 1. Entropy '
        f'{balance["entropy_bits"]:.2f} bits, {balance["evenness"]:.0%} of what equal classes have.'
    )


def _weight_snippets(summary: Summary) -> list[dict[str, str]]:
    captions = {
        'inverse_frequency': 'Class weights by inverse frequency, ready for the head:',
        'effective_number': 'By effective number (beta 0.999), milder for large classes:',
    }
    snippets = []
    for name, caption in captions.items():
        weights = summary['balance']['class_weights'][name]
        if len(weights) <= 100 and None not in weights:
            shown = ', '.join(f'{weight:.4g}' for weight in weights)
            text = f"loss_cls=dict(type='CrossEntropyLoss', class_weight=[{shown}])"
            snippets.append({'caption': caption, 'text': text})
    return snippets


def _findings(summary: Summary, strips: Sequence[DecodedStrip]) -> list[dict[str, Any]]:
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
                    _strip_view(item, summary)
                    for item in strips
                    if (item.strip['kind'], item.strip['key']) == ('problem', row['code'])
                ],
            }
        )
    return found


def _strip_view(item: DecodedStrip, summary: Summary) -> dict[str, Any]:
    strip = item.strip
    frames = [frame - strip['start_frame'] for frame in strip['frames']]
    pictures = [
        {'data': data, 'frame': frame, 'back': position > 0 and frame < frames[position - 1]}
        for position, (data, frame) in enumerate(zip(item.pictures, frames, strict=False))
    ]
    is_class = strip['kind'] == 'class'
    return {
        'path': strip['path'],
        'heading': strip['key'] if is_class else '',
        'note': '',
        'pictures': pictures,
        'reason': item.reason,
    }


def _figures(figures: Sequence[DrawnFigure], section: str) -> list[dict[str, Any]]:
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


def _title(summary: Summary) -> str:
    source = summary['source']
    if source['kind'] == 'folder':
        return Path(source['root']).name or source['root']
    if source['kind'] == 'config':
        file = Path(source['file']).resolve()
        return file.parent.name if file.stem == 'config' else file.stem
    lists = [Path(split['file']) for split in source['splits'].values()]
    return lists[0].resolve().parent.name or ' + '.join(source['splits'])


def _source_line(summary: Summary) -> str:
    source = summary['source']
    if source['kind'] == 'folder':
        return f'Folder {source["root"]}'
    if source['kind'] == 'config':
        return f'Config {source["file"]}'
    return 'Annotations ' + ', '.join(split['file'] for split in source['splits'].values())


def _cards(summary: Summary) -> list[dict[str, str]]:
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
    cards.append(('too short', f'{summary["sampler"]["short_share"]:.1%}'))
    return [{'name': name, 'number': number} for name, number in cards]


def _verdict(summary: Summary) -> dict[str, str]:
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


def _footer(summary: Summary) -> str:
    measured = summary['measured']
    return (
        f'Made {summary["created"]} by data_analysis, schema {summary["schema_version"]}. Depth: '
        f'{measured["tier"]}; {measured["files_measured"]:,} files measured, '
        f'{measured["files_remembered"]:,} remembered, {measured["files_missing"]:,} missing.'
    )
