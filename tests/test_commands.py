"""The one command, ``python -m mmaction_timesformer``, in interpreters of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, '-W', 'ignore', '-m', 'mmaction_timesformer']


@pytest.fixture
def with_torch(tmp_path: Path, root: Path):
    """Run the command with a torch whose import does something else."""

    def run(torch: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / 'torch.py').write_text(torch)
        path = os.pathsep.join([str(tmp_path), str(root)])
        return subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
            check=False,
        )

    return run


def test_help_needs_no_torch(with_torch) -> None:
    done = with_torch('raise SystemExit("imported")', 'predict', '--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('usage: python -m mmaction_timesformer predict')


def test_an_interrupt_while_torch_is_imported_is_one_line(with_torch) -> None:
    # Not by a signal, which a process that was started in the background may ignore.
    done = with_torch('raise KeyboardInterrupt', 'predict', 'best.pth', 'clip.mp4')
    assert (done.returncode, done.stderr) == (130, 'interrupted\n')


@pytest.mark.parametrize('arguments', [[], ['predict', '--help'], ['configs']])
def test_a_reader_that_has_left_is_no_error(arguments: list[str], root: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, 'PYTHONUNBUFFERED': ''}  # written at the end, as to any pipe
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=environment,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, '')
