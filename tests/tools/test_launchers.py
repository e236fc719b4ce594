"""The shell scripts hand everything on, spaces and all."""

import os
import re
from pathlib import Path

import mmaction
import pytest

from tests.tools.programs import finish, start

SHIPPED_TOOLS = Path(mmaction.__file__).parent / '.mim' / 'tools'


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A program that prints its arguments, one a line."""
    program = tmp_path / 'srun'
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return program


def test_dist_train_on_several_machines(root: Path, echo: Path) -> None:
    script = root / 'tools' / 'dist_train.sh'
    several = {'NNODES': '3', 'NODE_RANK': '1', 'PORT': '1234', 'MASTER_ADDR': 'first.local'}
    process = start(script, 'my config.py', 4, '--work-dir', 'my work', PYTHON=str(echo), **several)
    words = finish(process).splitlines()
    assert words[:2] == ['-m', 'torch.distributed.run']
    assert {
        '--nnodes=3',
        '--node_rank=1',
        '--master_port=1234',
        '--master_addr=first.local',
        '--nproc_per_node=4',
    } <= set(words)
    train = words.index(f'{root}/tools/train.py')
    assert words[train + 1 :] == [
        'my config.py',
        *['--launcher', 'pytorch', '--work-dir', 'my work'],
    ]


def test_elastic_training_meets_at_the_first_machine(root: Path, echo: Path) -> None:
    script = root / 'tools' / 'dist_train.sh'
    elastic = {'NNODES': '2:4', 'MASTER_ADDR': 'first.local', 'PORT': '1234', 'MAX_RESTARTS': '7'}
    words = finish(start(script, 'config.py', 4, PYTHON=str(echo), **elastic)).splitlines()
    assert words[2 : words.index(f'{root}/tools/train.py')] == [
        '--nnodes=2:4',
        '--rdzv_backend=c10d',
        '--rdzv_endpoint=first.local:1234',
        '--rdzv_id=training',
        '--max_restarts=7',
        '--nproc_per_node=4',
    ]


def test_dist_test_passes_the_checkpoint(root: Path, echo: Path) -> None:
    script = root / 'tools' / 'dist_test.sh'
    words = finish(start(script, 'my config.py', 'my weights.pth', 2, PYTHON=str(echo)))
    assert words.splitlines()[-5:] == [
        f'{root}/tools/test.py',
        *['my config.py', 'my weights.pth', '--launcher', 'pytorch'],
    ]


def test_slurm_train(root: Path, echo: Path) -> None:
    script = root / 'tools' / 'slurm_train.sh'
    process = start(
        script,
        *['night', 'my job', 'my config.py', '--amp'],
        PATH=f'{echo.parent}:/usr/bin:/bin',
        PYTHON='python',
        GPUS='16',
        SRUN_ARGS='--time=1:00 --exclusive',
    )
    words = finish(process).splitlines()
    assert {'--partition=night', '--job-name=my job', '--ntasks=16', '--gres=gpu:8'} <= set(words)
    assert words[words.index('--time=1:00') + 1] == '--exclusive'
    assert words[-6:] == [
        *['python', '-u', f'{root}/tools/train.py', 'my config.py'],
        *['--launcher=slurm', '--amp'],
    ]


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_too_few_arguments_are_explained(script: str, root: Path) -> None:
    assert 'usage: ' in finish(start(root / 'tools' / script, 'config.py'), returncode=2)


@pytest.mark.parametrize(('tool', 'more'), [('train.py', {'--processes'}), ('test.py', set())])
def test_arguments_are_those_of_mmaction2(tool: str, more: set[str], root: Path) -> None:
    sources = [(folder / tool).read_text() for folder in (root / 'tools', SHIPPED_TOOLS)]
    ours, theirs = (set(re.findall(r"add_argument\(\s*'([\w-]+)'", source)) for source in sources)
    assert ours == theirs | more
    assert len(ours) > 8


def test_scripts_can_be_executed(root: Path) -> None:
    scripts = [*(root / 'tools').glob('*.sh'), root / '.ci' / 'run']
    assert len(scripts) >= 4
    assert all(os.access(script, os.X_OK) for script in scripts)
