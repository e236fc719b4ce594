"""`report.html`: the summary as one page that opens anywhere and loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_analysis.report import class_tables
from data_analysis.report import tables as tables
from data_analysis.report.charts import DrawnFigure
from data_analysis.report.html import write_page
from data_analysis.report.parts import (
    cards_of,
    figures_of,
    findings_of,
    footer_of,
    gallery_view,
    source_line_of,
    strip_view,
    title_of,
    verdict_of,
)
from data_analysis.summary.compare import Change
from data_analysis.summary.strips import MOST_CLASSES, DecodedStrip
from data_analysis.summary.summary import Summary


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
    sections = _sections(summary, strips, changes)
    write_page(
        file,
        Path(__file__).with_name('templates') / 'report.html.j2',
        title=title_of(summary),
        source_line=source_line_of(summary),
        cards=cards_of(summary),
        verdict=verdict_of(summary),
        sections=sections,
        findings=findings_of(summary, strips),
        figures={section.name: figures_of(figures, section.name) for section in sections},
        footer=footer_of(summary),
    )


def _sections(
    summary: Summary, strips: Sequence[DecodedStrip], changes: Sequence[Change] | None
) -> list[Section]:
    found = Section(
        'findings',
        'What to look at first',
        'The gravest first. Errors make a result false or a training stop; warnings probably cost '
        'accuracy; the rest is worth knowing when something else goes wrong.',
        snippets=class_tables.next_steps(summary),
    )
    lengths = Section(
        'lengths',
        'Lengths',
        'How long the clips are, in seconds and in frames.',
        tables.length_tables(summary),
    )
    sampler = Section(
        'sampler',
        'What the sampler sees',
        summary['sampler']['sentence'],
        [tables.sampler_table(summary), tables.sampler_example_table(summary)],
    )
    picture = Section('picture', 'Pictures and files', '', tables.picture_tables(summary))
    return [
        section
        for section in (
            found,
            _changes_section(changes),
            _classes_section(summary),
            lengths,
            sampler,
            picture,
            _honesty_section(summary),
            _cameras_section(summary),
            _look_section(summary, strips),
            _gallery_section(strips),
            _problems_section(summary),
        )
        if section is not None
    ]


def _changes_section(changes: Sequence[Change] | None) -> Section | None:
    if changes is None:
        return None
    if not changes:
        return Section('changes', 'Since last time', 'Nothing changed since the older summary.')
    return Section('changes', 'Since last time', '', [tables.change_table(changes)])


def _classes_section(summary: Summary) -> Section | None:
    if not summary['balance']:
        return None
    return Section(
        'classes',
        'Classes and splits',
        _balance_sentence(summary),
        [tables.class_split_table(summary)],
        _weight_snippets(summary),
    )


def _honesty_section(summary: Summary) -> Section | None:
    shown = [tables.leakage_table(summary)] if summary['leakage'] else []
    shown += [tables.unjudged_table(summary)] if summary['unjudged_splits'] else []
    shown += [tables.metadata_table(summary)] if summary['metadata'] else []
    if not shown:
        return None
    return Section(
        'leakage',
        'Can the score be believed?',
        'A model that knows nothing of actions should not do well: neither by finding a '
        'look-alike in train, nor from the length, size or frame rate of a file.',
        shown,
    )


def _cameras_section(summary: Summary) -> Section | None:
    found = summary.get('class_by_recording')
    shown = [class_tables.recording_table(summary)] if found else []
    shown += [class_tables.looks_table(summary)] if summary.get('looks') else []
    shown += [class_tables.doubts_table(summary)] if summary.get('label_doubts') else []
    if not shown:
        return None
    intro = class_tables.recording_sentence(summary) if found else ''
    return Section('cameras', 'Cameras, light and labels', intro, shown)


def _gallery_section(strips: Sequence[DecodedStrip]) -> Section | None:
    shown = gallery_view(strips)
    if not shown:
        return None
    return Section(
        'gallery', 'Gallery', 'Some clips of each class, in the middle of their time.', strips=shown
    )


def _look_section(summary: Summary, strips: Sequence[DecodedStrip]) -> Section | None:
    of_classes = [strip_view(item) for item in strips if item.strip['kind'] == 'class']
    if not of_classes:
        return None
    number = len(summary['classes'])
    first = f'the first {MOST_CLASSES} of {number} classes'
    which = first if number > MOST_CLASSES else 'each class'
    return Section(
        'look',
        'What the model gets to see',
        f'A clip of median length of {which}, with exactly the frames that the sampler takes in '
        'a test. A red frame goes back in time: the clip is too short and was looped.',
        strips=of_classes,
    )


def _problems_section(summary: Summary) -> Section | None:
    if not summary['problems']['total']:
        return None
    return Section('problems', 'Findings one by one', '', [tables.problem_table_of(summary)])


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
            text = f"loss_cls=dict(type='WeightedCrossEntropyLoss', class_weight=[{shown}])"
            snippets.append({'caption': caption, 'text': text})
    return snippets
