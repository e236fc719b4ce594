import json
from pathlib import Path

import pytest

from data_analysis.summary.summary import SCHEMA_VERSION, read_summary, write_summary
from tests.data_analysis.summaries import summary_of


def test_a_summary_is_plain_strict_json(tmp_path: Path) -> None:
    summary = summary_of()
    write_summary(summary, tmp_path / 'summary.json')
    text = (tmp_path / 'summary.json').read_text()
    strict = json.loads(text, parse_constant=lambda word: pytest.fail(f'{word} is no JSON'))
    assert strict == summary == read_summary(tmp_path / 'summary.json')
    assert summary['schema_version'] == SCHEMA_VERSION


def test_it_holds_what_is_rendered_from_it() -> None:
    summary = summary_of()
    assert summary['classes'] == ['a', 'b']
    assert summary['splits'] == ['train', 'val']
    assert summary['totals']['clips'] == 60
    assert summary['totals']['readable_clips'] == 59
    codes = {row['code']: row['count'] for row in summary['problems']['by_code']}
    assert codes['unreadable'] == codes['rotated'] == 1
    assert codes['recording_in_two_splits'] == 10
    assert codes['contradictory_labels'] == 1
    assert sum(codes.values()) == summary['problems']['total']
    assert summary['leakage'][0]['split'] == 'val'
    assert {strip['kind'] for strip in summary['strips']} == {'class', 'problem'}


def test_other_files_and_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='absent'):
        read_summary(tmp_path / 'absent.json')
    (tmp_path / 'other.json').write_text('{"clips": 3}')
    with pytest.raises(ValueError, match='no summary'):
        read_summary(tmp_path / 'other.json')
    (tmp_path / 'text.json').write_text('hello')
    with pytest.raises(ValueError, match='no summary'):
        read_summary(tmp_path / 'text.json')
    (tmp_path / 'old.json').write_text('{"schema_version": "0.3"}')
    with pytest.raises(ValueError, match=r'schema version 0\.3'):
        read_summary(tmp_path / 'old.json')
