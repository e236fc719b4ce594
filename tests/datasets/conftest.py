"""Rendered clips, and mmaction2's registries as the default."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

import mmaction_timesformer  # noqa: F401 - registers
from tests.datasets.clips import render_clips


@pytest.fixture(scope='session')
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of rendered clips; see `render_clips`."""
    return render_clips(tmp_path_factory.mktemp('clips'))


@pytest.fixture(autouse=True)
def mmaction_scope() -> Iterator[None]:
    """Transforms are looked up among mmaction2's, as in a run."""
    with DefaultScope.overwrite_default_scope('mmaction'):
        yield
