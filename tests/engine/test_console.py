"""Mistakes in a config are one error."""

import pytest

from mmaction_timesformer.engine.console import built


def test_what_is_wrong_with_a_config_is_one_error() -> None:
    with pytest.raises(ValueError, match="work: KeyError: 'Absent is not in the registry'"):
        built(lambda: {}['Absent is not in the registry'], 'work')


def test_an_error_without_words_is_told_by_its_line() -> None:
    def build() -> None:
        raise AssertionError

    with pytest.raises(ValueError, match=r'work: AssertionError: raise AssertionError \(test_con'):
        built(build, 'work')
