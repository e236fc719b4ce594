from pathlib import Path

import pytest

from data_analysis.checks.problem_codes import PROBLEM_CODES, SEVERITIES
from data_analysis.checks.problems import PROBLEM_COLUMNS, Problem, parse_fail_on, problem_table


def test_every_code_says_what_and_what_to_do() -> None:
    for code, kind in PROBLEM_CODES.items():
        assert kind.severity in SEVERITIES, code
        assert not kind.title.endswith('.'), code
        assert kind.advice.endswith('.'), code
    assert list(PROBLEM_CODES) == [code.lower() for code in PROBLEM_CODES]


def test_the_gravest_come_first() -> None:
    table = problem_table(
        [
            Problem('no_duration', 'b', ''),
            Problem('rotated', 'b', ''),
            Problem('rotated', 'a', '', 'label', 'train', 'c', 'v/a', 'v/c'),
            Problem('missing', 'z', 'gone'),
        ]
    )
    assert list(table.columns) == list(PROBLEM_COLUMNS)
    assert list(zip(table['code'], table['path'], strict=True)) == [
        ('missing', 'z'),
        ('rotated', 'a'),
        ('rotated', 'b'),
        ('no_duration', 'b'),
    ]
    assert table.iloc[1].tolist() == [
        *('rotated', 'warning', 'a', '', 'label', 'train', 'c'),
        *('v/a', 'v/c'),
    ]


def test_an_empty_table_has_its_columns() -> None:
    assert list(problem_table([]).columns) == list(PROBLEM_COLUMNS)


def test_fail_on_takes_codes_and_severities() -> None:
    assert parse_fail_on('') == frozenset()
    assert parse_fail_on('missing, rotated') == {'missing', 'rotated'}
    errors = parse_fail_on('error')
    assert 'missing' in errors
    assert 'rotated' not in errors
    assert parse_fail_on('warning') == errors | {
        code for code, kind in PROBLEM_CODES.items() if kind.severity == 'warning'
    }
    assert parse_fail_on('info') == set(PROBLEM_CODES)


def test_fail_on_names_an_unknown_word() -> None:
    with pytest.raises(ValueError, match=r"unknown code 'missin'.*missing"):
        parse_fail_on('missin')


def test_the_documentation_has_every_code(root: Path) -> None:
    text = (root / 'docs' / 'data_analysis.md').read_text(encoding='utf-8')
    for code, kind in PROBLEM_CODES.items():
        assert f'| `{code}` | {kind.severity} | {kind.title} |' in text
