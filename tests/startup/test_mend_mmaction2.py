"""The module installed beside mmaction2 lets its models be imported before any config is read."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm_python import warm_python

WITHOUT_HOOK = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'MendBeforeModels']
sys.modules.pop('mend_mmaction2', None)
"""
LOAD_HOOK = 'sys.path[:0] = [{root!r}, {startup!r}]\nimport mend_mmaction2\n'


def run(code: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, '-B', '-W', 'ignore', '-c', WITHOUT_HOOK + code],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def load_hook(root: Path) -> str:
    return LOAD_HOOK.format(root=str(root), startup=str(root / 'startup'))


def test_models_are_mended_before_they_are_imported(load_hook: str) -> None:
    """And the plugin can still be imported afterwards."""
    code = 'from mmaction.utils import register_all_modules\nregister_all_modules()\n'
    mended = run(load_hook + code + 'import mmaction_timesformer', warm_python())
    assert mended.returncode == 0, mended.stderr
    assert "No module named 'mmaction.models.localizers.drn'" in run(code, warm_python()).stderr


def test_other_programs_import_nothing_more(load_hook: str) -> None:
    code = 'import json\nprint(*{"torch", "mmengine", "mmaction", "numpy"} & set(sys.modules))'
    result = run(load_hook + code)
    assert (result.returncode, result.stdout.strip()) == (0, '')


def test_one_line_loads_it(root: Path) -> None:
    """Python runs a .pth file's lines that start with import, and each of them alone."""
    assert (root / 'startup/mend_mmaction2.pth').read_text() == 'import mend_mmaction2\n'
