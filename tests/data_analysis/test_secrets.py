"""Outputs of an analysis hold no passwords and no cells that a spreadsheet would run."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from data_analysis.analysis import AnalysisSettings, analyze
from data_analysis.inputs.datasets import SplitFile, input_from_annotations, input_from_folder
from data_analysis.measuring.measure import MeasureSettings
from data_analysis.measuring.tables import harmless_cells
from tests.data_analysis.rendering import render_video
from video_clips.commands import in_a_line
from video_clips.plain_data import as_text
from video_clips.reading.remote import has_password, without_password

SECRET = 'hunter2'


@pytest.fixture
def remote_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Videos in fsspec's memory, whose URLs name a user and a password."""
    memory = fsspec.filesystem('memory')
    for name in ('1.mp4', '2.mp4'):
        memory.put_file(str(render_video(tmp_path / name, 9)), f'/user:{SECRET}@host/{name}')
    (tmp_path / 'list.txt').write_text('1.mp4 0\n2.mp4 1\nabsent.mp4 1\n')
    yield tmp_path / 'list.txt'
    memory.rm(f'/user:{SECRET}@host', recursive=True)


def test_no_output_has_the_password_of_the_data_root(remote_list: Path, tmp_path: Path) -> None:
    root = f'memory://user:{SECRET}@host'
    dataset = input_from_annotations([SplitFile('train', remote_list, root)])
    result = analyze(dataset, AnalysisSettings(tmp_path / 'out', MeasureSettings()))
    assert result.summary['totals']['readable_clips'] == 2
    assert 'data:image/jpeg' in (tmp_path / 'out' / 'report.html').read_text()
    for file in (tmp_path / 'out').rglob('*'):
        assert file.is_dir() or SECRET.encode() not in file.read_bytes(), file
    with sqlite3.connect(tmp_path / 'out' / 'measurements.sqlite') as store:
        names = [row[0] for row in store.execute('SELECT path FROM measurements')]
    assert [name.partition(b'#')[0] for name in names] == [
        b'memory://host/.../1.mp4',
        b'memory://host/.../2.mp4',
    ]
    again = analyze(dataset, AnalysisSettings(tmp_path / 'out', MeasureSettings()))
    assert again.summary['measured']['files_remembered'] == 2


@pytest.mark.parametrize(
    ('url', 'shown'),
    [
        ('sftp://me:pw@host:22/a/b.mp4', 'sftp://host/.../b.mp4#'),
        ('https://host/TOKEN/a b.mp4', 'https://host/.../a b.mp4#'),
        ('https://host/a/TOKEN', 'https://host#'),
        ('https://host/a.mp4#TOKEN', 'https://host/.../a.mp4#'),
        ('s3://KEY:SECRET@bucket/a.mp4', 's3://bucket/.../a.mp4#'),
        ('s3://bucket/a.mp4', 's3://bucket/a.mp4'),
        ('/data/a@b.mp4', '/data/a@b.mp4'),
    ],
)
def test_urls_as_they_are_shown(url: str, shown: str) -> None:
    found = without_password(url)
    assert found == shown or (shown[-1] == '#' and re.fullmatch('[0-9a-f]{8}', found[len(shown) :]))


@pytest.mark.parametrize('url', ['https://h/TOKEN/a.mp4', 's3://bucket/a.mp4', '/data/a@b.mp4'])
def test_urls_without_a_password(url: str) -> None:
    assert not has_password(url)
    assert has_password(url.replace('://', '://me:pw@') + '?x=1') == ('://' in url)


def test_signed_urls_stay_apart() -> None:
    one, other = (without_password(f'https://h/a.mp4?key={key}') for key in 'ab')
    assert one.startswith('https://h/.../a.mp4#')
    assert one != other
    assert 'key' not in one


def test_messages_hold_no_password() -> None:
    assert in_a_line(ValueError(f'sftp://me:{SECRET}@h/a: broken')) == 'sftp://h/a: broken'


def test_cells_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    name = '=HYPERLINK("x").mp4'
    for label in ('-a', 'b'):
        (tmp_path / 'set' / label).mkdir(parents=True)
        render_video(tmp_path / 'set' / label / name, 9)
    dataset = input_from_folder(str(tmp_path / 'set'))
    analyze(dataset, AnalysisSettings(tmp_path / 'out', MeasureSettings(), with_strips=False))
    for file in ('clips.csv', 'problems.csv'):
        table = pd.read_csv(tmp_path / 'out' / file, dtype=str).fillna('')
        cells = table.to_numpy().ravel()
        assert not any(cell.startswith(('=', '+', '@')) for cell in cells)
    clips = pd.read_csv(tmp_path / 'out' / 'clips.csv')
    assert clips['label'].tolist() == ["'-a", 'b']
    assert [as_text(cell) for cell in ('a', '\tb', -1.5, None)] == ['a', "'\tb", -1.5, None]


def test_names_that_are_not_utf_8_stay_in_tables() -> None:
    """Where pyarrow is installed, pandas would hold the column in it, and pyarrow refuses them."""
    table = pd.DataFrame({'path': ['=a.mp4', 'b\udcff.mp4'], 'frames': [1, 2]}, dtype=object)
    assert harmless_cells(table).to_numpy().tolist() == [["'=a.mp4", 1], ['b\udcff.mp4', 2]]
