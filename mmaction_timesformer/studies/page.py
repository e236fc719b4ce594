"""The page of a study: a table, offline, and the same as JSON and Markdown beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_analysis.report.html import write_page
from mmaction_timesformer.evaluation import Estimate
from mmaction_timesformer.studies.clips import StudyClips
from mmaction_timesformer.studies.planning import Planned
from mmaction_timesformer.studies.results import Line
from video_clips.plain_data import plain
from video_clips.whole_files import write_atomically


@dataclass(frozen=True)
class Findings:
    """All that a page shows.

    Attributes:
        question: The title.
        lines: Rows that have run.
        left_out: Rows that did not fit into the time.
        clip_seconds: For the features of a view of a clip, by network, where measured.
        facts: What else to know: machine, versions, command.
    """

    question: str
    lines: Sequence[Line]
    left_out: Sequence[Planned]
    clip_seconds: dict[str, float]
    facts: dict[str, str]


def write_findings(folder: Path, findings: Findings, clips: StudyClips) -> Path:
    """Write ``study.html``, ``study.json`` and ``study.md``.

    Returns:
        The page.
    """
    names, counts = np.unique(clips.left_out, return_counts=True)
    cameras = dict(zip(map(str, names), counts.tolist(), strict=True))
    content = dict(
        question=findings.question,
        num_clips=len(clips),
        cameras=cameras,
        classes=list(clips.classes),
        lines=[line.to_dict() for line in findings.lines],
        left_out=[dict(name=part.row.name, seconds=part.seconds) for part in findings.left_out],
        clip_seconds=findings.clip_seconds,
        facts=findings.facts,
    )
    with write_atomically(folder / 'study.json') as stream:
        json.dump(plain(content), stream, indent=1)
    with write_atomically(folder / 'study.md') as stream:
        stream.write(_markdown(findings, cameras))
    best = max((line.macro_f1.value for line in findings.lines), default=0.0)
    write_page(
        folder / 'study.html',
        Path(__file__).with_name('templates') / 'study.html.j2',
        findings=findings,
        cameras=cameras,
        num_clips=len(clips),
        interval=interval_text,
        tables=tables_of(findings.lines),
        best=best,
    )
    return folder / 'study.html'


def tables_of(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Rows by the question that they answer."""
    tables: dict[str, list[Line]] = {}
    for line in lines:
        tables.setdefault(line.table, []).append(line)
    return tables


def interval_text(estimate: Estimate) -> str:
    """An interval in parentheses, or nothing where it is undefined."""
    if np.isnan(estimate.low):
        return ''
    return f'({estimate.low:.2f}-{estimate.high:.2f})'


def _markdown(findings: Findings, cameras: dict[str, int]) -> str:
    parts = []
    for table, lines in tables_of(findings.lines).items():
        title = f'### {table}\n\n' if table else ''
        parts.append(title + _table(lines, cameras))
    return '\n'.join(parts)


def _table(lines: Sequence[Line], cameras: dict[str, int]) -> str:
    costs = any(line.cost for line in lines)
    head = ['recipe', 'macro-F1', 'over cameras', 'over clips', 'accuracy', 'ECE', 'log loss']
    head += [f'{name} ({count})' for name, count in cameras.items()] + ['fit, s']
    head += ['parameters, M', 'multiplications, G'] if costs else []
    rows = [' | '.join(head), ' | '.join(['---'] * len(head))]
    for line in lines:
        cells = [
            line.name,
            f'{line.macro_f1.value:.3f}' + (f' ±{line.spread:.3f}' if line.spread else ''),
            interval_text(line.macro_f1),
            interval_text(line.over_clips),
            f'{line.accuracy:.3f}',
            f'{line.calibration_error:.3f}',
            f'{line.log_loss:.2f}',
        ]
        for name in cameras:
            text = f'{line.cameras[name]:.2f}'
            cells.append(f'**{text}**' if name == line.worst else text)
        cells.append(f'{line.seconds:.0f}')
        if costs:
            cells += [f'{value:.2f}' for value in (line.cost or {}).values()] or ['', '']
        rows.append(' | '.join(cells))
    return '\n'.join(f'| {row} |' for row in rows) + '\n'
