"""No file is so odd that it ends an analysis: each finding and each odd number reaches the page."""

import io
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.checks.problems import Problem, problem_table
from data_analysis.measuring.clip_table import without_impossible_numbers
from data_analysis.measuring.file_measurement import FileMeasurement
from data_analysis.report.charts import FIGURES, draw_figures
from data_analysis.report.page import write_report
from data_analysis.report.terminal import print_summary
from data_analysis.summary.compare import compare_summaries
from data_analysis.summary.strips import DecodedStrip
from data_analysis.summary.summary import problem_summary
from tests.data_analysis.clip_tables import clips_of
from tests.data_analysis.summaries import summary_of

NUMBERS = [field.name for field in fields(FileMeasurement) if field.type == 'float']


def show(summary, folder: Path) -> str:
    """Everything that is made of a summary."""
    figures = draw_figures(summary, folder / 'figures')
    strips = [DecodedStrip(strip, reason='not decoded') for strip in summary['strips']]
    changes = compare_summaries(summary, summary)
    write_report(summary, figures, strips, changes, folder / 'report.html')
    print_summary(Console(file=io.StringIO()), summary, changes, folder)
    return (folder / 'report.html').read_text()


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('value', [0.0, -1.0, np.nan, np.inf, 1e12])
def test_odd_numbers_of_files(value: float, tmp_path: Path) -> None:
    """One clip for each number that is odd in it, and one with all of them."""
    odd = [{name: value, 'label': 'ab'[index % 2]} for index, name in enumerate(NUMBERS)]
    rows = [{}, {'label': 'b'}, *odd, dict.fromkeys(NUMBERS, value)]
    summary = summary_of(without_impossible_numbers(clips_of(rows)), ('a', 'b'))
    assert 'clip0.mp4' in show(summary, tmp_path)
    drawn = {file.stem for file in (tmp_path / 'figures').iterdir()}
    assert drawn >= {kind.name for kind in FIGURES if kind.section in ('lengths', 'picture')}


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('value', [0.0, np.nan])
def test_a_set_of_odd_files_alone(value: float, tmp_path: Path) -> None:
    rows = [{**dict.fromkeys(NUMBERS, value), 'label': name} for name in 'ab']
    show(summary_of(without_impossible_numbers(clips_of(rows)), ('a', 'b')), tmp_path)


def test_every_kind_of_finding_is_shown(tmp_path: Path) -> None:
    summary = summary_of(clips_of([{}, {'label': 'b'}]), ('a', 'b'))
    found = [Problem(code, f'{code}.mp4', f'detail of {code}') for code in PROBLEM_CODES]
    summary['problems'] = problem_summary(problem_table(found))
    page = show(summary, tmp_path)
    for code, kind in PROBLEM_CODES.items():
        assert f'{code}.mp4' in page
        assert f'detail of {code}' in page
        assert kind.title.replace("'", '&#39;') in page


def test_a_status_of_each_kind(tmp_path: Path) -> None:
    """Files that could not be measured have no numbers at all."""
    kinds = ('missing', 'empty', 'unreadable', 'timed_out', 'crashed', 'no_video_stream')
    nothing = {**dict.fromkeys(NUMBERS, np.nan), 'signature': '', 'sha256': ''}
    rows = [{**nothing, 'status': kind, 'error': kind, 'path': kind} for kind in kinds]
    page = show(summary_of(clips_of([{}, *rows]), ('a',)), tmp_path)
    assert all(PROBLEM_CODES[kind].title in page for kind in kinds)


def test_a_chart_that_fails_costs_no_report(tmp_path: Path, monkeypatch) -> None:
    def fail(summary):
        raise ZeroDivisionError('division by zero')

    kinds = [*FIGURES[1:], type(FIGURES[0])('bad', 'lengths', 'Bad', fail, fail)]
    monkeypatch.setattr('data_analysis.report.charts.FIGURES', kinds)
    with pytest.warns(UserWarning, match='chart bad could not be drawn: ZeroDivisionError'):
        drawn = draw_figures(summary_of(), tmp_path)
    assert [figure.kind.name for figure in drawn] == [kind.name for kind in FIGURES[1:]]
