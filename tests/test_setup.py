"""The one decision that setup.py takes: which mmcv to depend on."""

import runpy
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import setuptools


@pytest.fixture
def site_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that takes the place of this interpreter's installed packages."""
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path))
    return tmp_path


def metadata(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Arguments that setup.py passes to setuptools."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, 'setup', given.update)
    monkeypatch.chdir(root)
    runpy.run_path('setup.py')
    return given


def mmcv_requirements(given: dict[str, Any]) -> list[str]:
    return [line for line in given['install_requires'] if line.startswith('mmcv')]


@pytest.mark.parametrize(
    ('installed', 'required'),
    [
        (None, 'mmcv-lite>=2.1,<2.2'),
        ('2.0.1', 'mmcv-lite>=2.1,<2.2'),
        ('2.1.0', 'mmcv>=2.1,<2.2'),
        ('2.2.0', 'mmcv-lite>=2.1,<2.2'),
    ],
)
def test_full_mmcv_is_left_alone(
    installed: str | None,
    required: str,
    root: Path,
    site_packages: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if installed:
        folder = site_packages / f'mmcv-{installed}.dist-info'
        folder.mkdir()
        (folder / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: mmcv\nVersion: {installed}\n'
        )
    assert mmcv_requirements(metadata(root, monkeypatch)) == [required]
