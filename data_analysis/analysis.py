"""The whole run: measure, check, summarise, draw, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data_analysis.checks import gather_evidence, run_checks
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.datasets import DatasetInput
from data_analysis.measuring.clip_table import any_text, clip_table
from data_analysis.measuring.measure import MeasureSettings, Progress, measure_files
from data_analysis.measuring.tables import harmless_cells
from data_analysis.report.charts import draw_figures
from data_analysis.report.page import write_report
from data_analysis.splitting.recommended import recommended_config
from data_analysis.summary.compare import Change, compare_summaries
from data_analysis.summary.strips import choose_strips, decode_strips
from data_analysis.summary.summary import (
    Findings,
    Summary,
    measured_as_dict,
    read_summary,
    summarize,
    write_summary,
)
from video_clips.reading.remote import without_password
from video_clips.whole_files import check_writable, write_atomically


@dataclass(frozen=True)
class AnalysisSettings:
    """Settings of an analysis.

    Attributes:
        out: Folder for everything that is written.
        measure: How files are measured.
        check: What they are checked against.
        compare: An older `summary.json`.
        with_strips: Whether the report shows frames.
    """

    out: Path
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    compare: Path | None = None
    with_strips: bool = True


@dataclass(frozen=True)
class Analysis:
    """Result of an analysis.

    Attributes:
        clips: One row a clip, as in `clips.csv`.
        problems: One row a problem, as in `problems.csv`.
        summary: As in `summary.json`.
        changes: Since the older summary; None without one.
    """

    clips: pd.DataFrame
    problems: pd.DataFrame
    summary: Summary
    changes: Sequence[Change] | None


@any_text()
def analyze(
    dataset: DatasetInput,
    settings: AnalysisSettings,
    progress: Progress = lambda done, total: None,
) -> Analysis:
    """Measure and check a dataset and write its report.

    Args:
        dataset: The annotated clips.
        settings: What to do.
        progress: Called with the number of files that are measured, and of all.

    Returns:
        What was found; the folder `settings.out` holds `clips.csv`, `problems.csv`, `summary.json`,
        `figures/*.png`, `report.html`, and `measurements.sqlite` for the next run.
    """
    older = read_summary(settings.compare) if settings.compare else None
    settings.out.mkdir(parents=True, exist_ok=True)
    check_writable(settings.out)
    started = time.perf_counter()
    measured, count = measure_files(
        dataset.clips['file'], settings.out / 'measurements.sqlite', settings.measure, progress
    )
    seconds = time.perf_counter() - started
    clips, opened = without_passwords(clip_table(dataset.clips, measured))
    evidence = gather_evidence(clips, settings.check)
    problems = run_checks(clips, settings.check, evidence)
    _write_csv(clips, settings.out / 'clips.csv')
    _write_csv(problems, settings.out / 'problems.csv')
    strips = (
        choose_strips(clips, problems, dataset.classes, settings.check.sampler)
        if settings.with_strips
        else []
    )
    how = measured_as_dict(count, settings.measure, seconds)
    found = Findings(clips, problems, evidence, how, strips)
    summary = summarize(dataset, settings.check, found)
    summary['recommended_config'] = recommended_config(dataset, clips)
    write_summary(summary, settings.out / 'summary.json')
    changes = compare_summaries(older, summary) if older else None
    figures = draw_figures(summary, settings.out / 'figures')
    shown = [*summary['strips'], *summary['gallery']]
    decoded = decode_strips(shown, settings.measure.num_workers, opened)
    write_report(summary, figures, decoded, changes, settings.out / 'report.html')
    return Analysis(clips, problems, summary, changes)


def without_passwords(clips: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Take user names, passwords and queries out of all URLs.

    Returns:
        The table as it may be shown, and the file to open by the name that is shown.
    """
    shown = clips['file'].map(without_password)
    opened = dict(zip(shown, clips['file'], strict=True))
    told = clips.assign(file=shown, path=clips['path'].map(without_password))
    for row in np.flatnonzero(shown != clips['file']):
        for column in ('error', 'scan_error', 'decode_error', 'recording'):
            text = told.iat[row, told.columns.get_loc(column)]
            text = text.replace(clips['file'].iloc[row], shown.iloc[row])
            told.iat[row, told.columns.get_loc(column)] = text
    return told, opened


def _write_csv(table: pd.DataFrame, file: Path) -> None:
    with write_atomically(file) as stream:
        harmless_cells(table).to_csv(stream, index=False, lineterminator='\n')
