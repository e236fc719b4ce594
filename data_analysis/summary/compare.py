"""Changes from one summary to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.measuring.tables import ALL
from data_analysis.summary.summary import Summary


@dataclass(frozen=True)
class Change:
    """One value that is no longer what it was.

    Attributes:
        area: `set`, `classes`, `problems`, `lengths`, `sampler` or `leakage`.
        what: The value's name.
        before: As text; empty where there was none.
        after: As text; empty where there is none.
    """

    area: str
    what: str
    before: str
    after: str


def compare_summaries(old: Summary, new: Summary) -> list[Change]:
    """Lists what differs, in the order of the report; empty if nothing does."""
    changes: list[Change] = []
    for area, values_of in _AREAS.items():
        before, after = dict(values_of(old)), dict(values_of(new))
        for what in [*before, *(name for name in after if name not in before)]:
            if before.get(what, '') != after.get(what, ''):
                changes.append(Change(area, what, before.get(what, ''), after.get(what, '')))
    return changes


def _set(summary: Summary) -> Iterator[tuple[str, str]]:
    numbers = summary['totals']
    yield 'clips', f'{numbers["clips"]:,}'
    yield 'readable clips', f'{numbers["readable_clips"]:,}'
    yield 'hours', f'{numbers["hours"]:.2f}'
    yield 'frames', f'{numbers["frames"]:,}'
    yield 'recordings', f'{numbers["recordings"]:,}'
    yield 'classes', ', '.join(summary['classes'])
    yield 'splits', ', '.join(summary['splits'])


def _classes(summary: Summary) -> Iterator[tuple[str, str]]:
    for row in summary['class_table']:
        if row['label'] != ALL and (row['split'] != ALL or len(summary['splits']) == 1):
            where = f' in {row["split"]}' if row['split'] else ''
            yield f'{row["label"]}{where}', f'{row["clips"]} clips'


def _problems(summary: Summary) -> Iterator[tuple[str, str]]:
    for row in summary['problems']['by_code']:
        kind = PROBLEM_CODES.get(row['code'])
        yield f'{row["code"]} ({kind.title if kind else row["severity"]})', str(row['count'])


def _lengths(summary: Summary) -> Iterator[tuple[str, str]]:
    for measure, unit in (('duration_seconds', 's'), ('num_frames', 'frames'), ('fps', 'fps')):
        row = summary['distributions'][measure]['classes'].get(ALL)
        if row:
            yield (
                f'{measure}: 5 %, median, 95 %',
                f'{row["p05"]:.4g}, {row["median"]:.4g}, {row["p95"]:.4g} {unit}',
            )


def _sampler(summary: Summary) -> Iterator[tuple[str, str]]:
    sampler = summary['sampler']
    yield 'sampler', sampler['name']
    yield 'clips that are too short', f'{sampler["short_share"]:.1%}'
    yield 'largest interval that 95 % fit', str(sampler['largest_interval_for_95_percent'])


def _leakage(summary: Summary) -> Iterator[tuple[str, str]]:
    for score in summary['leakage']:
        yield (
            f'nearest neighbour on {score["split"]}',
            f'macro-F1 {score["macro_f1"]:.2f}, look-alikes {score["twin_share"]:.0%}',
        )


_AREAS: dict[str, Callable[[Summary], Iterator[tuple[str, str]]]] = {
    'set': _set,
    'classes': _classes,
    'problems': _problems,
    'lengths': _lengths,
    'sampler': _sampler,
    'leakage': _leakage,
}
