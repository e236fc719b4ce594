"""Folders that the processes of a test run share: the first that needs one makes it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder that is made once in a run, and not written into afterwards.

    Args:
        tmp_path_factory: Of the run.
        name: Of the folder.
        make: Fills it; called with its path, which exists.
    """
    base = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        base = base.parent
    folder, done = base / name, base / f'{name}.done'
    with FileLock(base / f'{name}.lock'):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
