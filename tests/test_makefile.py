"""When `make` installs: if what is installed has changed, not because something has run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

INGREDIENTS = (
    'setup.py',
    'constraints.txt',
    'startup/mend_mmaction2.py',
    'startup/mend_mmaction2.pth',
)


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A folder in which `make` has installed everything just now."""
    shutil.copy(root / 'Makefile', tmp_path)
    for name in (*INGREDIENTS, '.venv/bin/python', '.venv/installed'):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (0, 0))
    os.utime(tmp_path / '.venv' / 'installed', (1, 1))
    return tmp_path


def installs(checkout: Path) -> bool:
    command = ['make', '--dry-run', '--no-print-directory', 'VENV=.venv', 'install']
    return 'pip install' in subprocess.check_output(command, cwd=checkout, text=True)


def test_a_second_call_installs_nothing(checkout: Path) -> None:
    assert not installs(checkout)
    (checkout / 'startup' / '__pycache__').mkdir()
    assert not installs(checkout)


@pytest.mark.parametrize('ingredient', INGREDIENTS)
def test_a_changed_ingredient_installs_again(checkout: Path, ingredient: str) -> None:
    (checkout / ingredient).touch()
    assert installs(checkout)
