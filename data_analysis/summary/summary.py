"""`summary.json`: all that is known of a dataset; tables, figures and report are rendered from it.

The schema has a version; its major part changes when a reader of an older one would go wrong. The
fields are described in docs/data_analysis.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from data_analysis.checks import Evidence
from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.datasets import DatasetInput
from data_analysis.measuring.measure import MeasureCount, MeasureSettings
from data_analysis.measuring.tables import (
    balance,
    class_table,
    distributions,
    picture_table,
    totals,
)
from data_analysis.summary.cameras import class_by_recording, label_doubts, looks
from data_analysis.summary.sampler_view import sampler_view
from data_analysis.summary.strips import Strip, choose_gallery
from video_clips.plain_data import parse_json, plain
from video_clips.whole_files import write_atomically

SCHEMA_VERSION = '1.1'
_MOST_PROBLEMS_OF_A_CODE = 500

Summary = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """All that was found of a dataset.

    Attributes:
        clips: The table of clips.
        problems: The table of problems.
        evidence: Scores of splits and file properties.
        measured: How the files were measured: tier, counts, seconds.
        strips: Which frames the report shows.
    """

    clips: pd.DataFrame
    problems: pd.DataFrame
    evidence: Evidence
    measured: Mapping[str, Any]
    strips: Sequence[Strip] = ()


def summarize(dataset: DatasetInput, settings: CheckSettings, found: Findings) -> Summary:
    """Puts everything together.

    Args:
        dataset: Where the clips come from.
        settings: What the checks compared against.
        found: What measuring and checking found.

    Returns:
        Plain data that JSON can hold.
    """
    clips, evidence = found.clips, found.evidence
    summary = {
        'schema_version': SCHEMA_VERSION,
        'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'source': dict(dataset.source),
        'measured': dict(found.measured),
        'decoder': settings.decoder,
        'classes': list(dataset.classes),
        'splits': list(dict.fromkeys(clips['split'])),
        'multi_label': dataset.multi_label,
        'totals': totals(clips),
        'class_table': class_table(clips, dataset.classes),
        'balance': balance(clips, dataset.classes),
        'distributions': distributions(clips, dataset.classes),
        'picture': picture_table(clips),
        'sampler': sampler_view(clips, dataset.classes, settings.sampler),
        'leakage': [score.as_dict() for score in evidence.leakage],
        'unjudged_splits': [
            {'split': split, 'reason': reason} for split, reason in evidence.unjudged_splits.items()
        ],
        'metadata': [skill.as_dict() for skill in evidence.metadata],
        'class_by_recording': class_by_recording(clips, dataset.classes),
        'looks': looks(clips, dataset.classes),
        'label_doubts': label_doubts(clips, dataset.classes),
        'notes': list(dataset.notes),
        'problems': problem_summary(found.problems),
        'strips': [strip.as_dict() for strip in found.strips],
        'gallery': [strip.as_dict() for strip in choose_gallery(clips, dataset.classes)]
        if found.strips
        else [],
    }
    return plain(summary)


def measured_as_dict(
    count: MeasureCount, settings: MeasureSettings, seconds: float
) -> dict[str, Any]:
    """How the files were measured, for the summary."""
    return {
        'tier': settings.tier.name.lower(),
        'decode_share': settings.decode_share,
        'files_measured': count.measured,
        'files_remembered': count.remembered,
        'files_missing': count.missing,
        'seconds': round(seconds, 3),
    }


def problem_summary(problems: pd.DataFrame) -> dict[str, Any]:
    """Counts by code, and the first problems of each."""
    counts = problems['code'].value_counts()
    return {
        'total': len(problems),
        'by_severity': problems['severity'].value_counts().to_dict(),
        'by_code': [
            {'code': code, 'severity': kind.severity, 'count': int(counts[code])}
            for code, kind in PROBLEM_CODES.items()
            if code in counts
        ],
        'examples': problems.groupby('code', sort=False)
        .head(_MOST_PROBLEMS_OF_A_CODE)
        .to_dict('records'),
    }


def write_summary(summary: Summary, file: Path) -> None:
    """Writes a summary; NaN, which JSON lacks, becomes null."""
    with write_atomically(file) as stream:
        json.dump(summary, stream, indent=1, ensure_ascii=True)
        stream.write('\n')


def read_summary(file: Path) -> Summary:
    """Reads a summary back.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no summary, or of another major schema version.
    """
    try:
        summary = parse_json(file.read_text(encoding='utf-8'))
        version = str(summary['schema_version'])
    except FileNotFoundError:
        raise FileNotFoundError(f'{file}: no such summary') from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{file} is no summary of data_analysis: {error!r}') from error
    if version.split('.')[0] != SCHEMA_VERSION.split('.')[0]:
        raise ValueError(
            f'{file} has schema version {version}, this program reads {SCHEMA_VERSION}; analyse '
            f'the old set again'
        )
    return summary
