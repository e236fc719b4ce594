"""Mistakes in a config are one error."""

import pytest

from mmaction_timesformer.engine.console import built


def test_what_is_wrong_with_a_config_is_one_error() -> None:
    with pytest.raises(ValueError, match="work: KeyError: 'Absent is not in the registry'"):
        built(lambda: {}['Absent is not in the registry'], 'work')
