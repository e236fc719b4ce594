"""Last lines of a test run."""

import os
import subprocess
from pathlib import Path

from tests.warm_python import warm_python

READS_VIDEOS = """
def test_one(real_videos): pass
def test_two(real_videos): pass
def test_three(): pass
"""


def test_missing_videos_are_told_loudly(root: Path, tmp_path: Path) -> None:
    """By the process that prints, which is not the one that runs them."""
    (tmp_path / 'test_videos.py').write_text(READS_VIDEOS)
    command = ['pytest', '-p', 'tests.conftest', '--numprocesses', '1', '--rootdir', tmp_path]
    environment = {
        'PYTHONPATH': str(root),
        'MMACTION_TIMESFORMER_VIDEOS': str(tmp_path / 'absent'),
    }
    output = subprocess.check_output(
        [warm_python(), '-m', *command, tmp_path], env=os.environ | environment, text=True
    )
    assert 'REAL VIDEOS ARE MISSING' in output
    assert '2 tests did not run' in output
    assert '1 passed, 2 skipped' in output
