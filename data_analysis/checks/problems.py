"""Findings: what a check yields, the table that they end in, and which of them fail a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data_analysis.checks.problem_codes import PROBLEM_CODES, SEVERITIES
from data_analysis.measuring.clip_table import any_text


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        code: A key of `PROBLEM_CODES`.
        path: The file, as the annotation names it; for a finding about a split or the whole set an
            example, or empty.
        detail: The measured values that led to the finding.
        label: The clip's class, where there is one.
        split: The split it concerns, where there is one.
        related: Another file that it has to do with, such as a twin.
        file: The file as it is opened; `path` alone may name one in each split.
        related_file: The other file as it is opened.
    """

    code: str
    path: str
    detail: str
    label: str = ''
    split: str = ''
    related: str = ''
    file: str = ''
    related_file: str = ''

    def __post_init__(self) -> None:
        assert self.code in PROBLEM_CODES, self.code

    @property
    def severity(self) -> str:
        """Weight of the finding, from its code."""
        return PROBLEM_CODES[self.code].severity


def problem_of(code: str, clip: Any, detail: str, related: Any = None) -> Problem:
    """A finding about a clip, and another that it has to do with: rows of the table of clips."""
    return Problem(
        code,
        clip.path,
        detail,
        clip.label,
        clip.split,
        related='' if related is None else related.path,
        file=clip.file,
        related_file='' if related is None else related.file,
    )


PROBLEM_COLUMNS = (
    *('code', 'severity', 'path', 'detail', 'label', 'split', 'related'),
    *('file', 'related_file'),
)


def problem_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """Puts findings into a table, the gravest first, then by code and path."""
    rows = [[getattr(item, column) for column in PROBLEM_COLUMNS] for item in problems]
    with any_text():
        table = pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS), dtype=str)
    code_order = list(PROBLEM_CODES)
    order = table.assign(
        severity=table['severity'].map(SEVERITIES.index), code=table['code'].map(code_order.index)
    ).sort_values(['severity', 'code', 'path'], kind='stable')
    return table.loc[order.index].reset_index(drop=True)


def parse_fail_on(text: str) -> frozenset[str]:
    """Reads `--fail-on`: codes or severities, separated by commas.

    Returns:
        The codes that make a run fail. `warning` includes errors.

    Raises:
        ValueError: for a word that is neither a code nor a severity.
    """
    chosen: set[str] = set()
    for word in filter(None, (part.strip() for part in text.split(','))):
        if word in PROBLEM_CODES:
            chosen.add(word)
        elif word in SEVERITIES:
            grave = SEVERITIES[: SEVERITIES.index(word) + 1]
            chosen.update(code for code, kind in PROBLEM_CODES.items() if kind.severity in grave)
        else:
            raise ValueError(
                f'--fail-on: unknown code {word!r}. Severities: {", ".join(SEVERITIES)}. '
                f'Codes: {", ".join(PROBLEM_CODES)}.'
            )
    return frozenset(chosen)
