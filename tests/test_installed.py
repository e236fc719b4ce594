"""The package as somebody has it who never saw a checkout: a wheel, in an environment of its own.

Its dependencies are those of this environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch

from mmaction_timesformer.commands import COMMANDS
from tests.tiny_run import CLASSES

pytestmark = pytest.mark.slow

SOURCES = ('configs', 'data_analysis', 'mmaction_timesformer', 'startup', 'tools', 'video_clips')


@pytest.fixture(scope='module')
def python(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp('installed')
    source = folder / 'source'
    for name in SOURCES:
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('setup.py', 'pyproject.toml', 'README.md'):
        shutil.copy(root / name, source)
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
    offline = ['--quiet', '--no-deps', '--no-index']
    build = [*pip, 'wheel', *offline, '--no-build-isolation', '--wheel-dir', folder, source]
    subprocess.run(build, check=True)
    shutil.rmtree(source)
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', folder / 'venv'], check=True)
    python = folder / 'venv' / 'bin' / 'python'
    (wheel,) = folder.glob('*.whl')
    install = [*pip, '--python', python, 'install', '--no-compile', *offline, wheel]
    subprocess.run(install, check=True)
    packages = {str(Path(torch.__file__).parents[1]), sysconfig.get_path('purelib')}
    site = subprocess.check_output(
        [python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], text=True
    )
    (Path(site.strip()) / 'shared.pth').write_text('\n'.join(sorted(packages)))
    return python


def run(python: Path, folder: Path, *words: object) -> str:
    """Run the interpreter in a folder; it must succeed."""
    process = subprocess.run(
        [python, '-W', 'ignore', *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': '', 'COLUMNS': '100'},
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr[-4000:]
    return process.stdout


# Importing the package takes seconds, so all is asked of one process.
CODE = """
import runpy
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

sys.argv = ['-m', 'predict', 'work_dirs/run/best.pth', 'clip.mp4', '--json']
try:
    runpy.run_module('mmaction_timesformer', run_name='__main__', alter_sys=True)
except SystemExit as end:
    assert not end.code
print('-' * 9)
from mmaction_timesformer import build_model, predict
from mmaction_timesformer.commands import COMMANDS, main

main([])
for name in COMMANDS:
    try:
        main([name, '--help'])
    except SystemExit as end:
        assert not end.code, name
with redirect_stdout(StringIO()) as listed:
    main(['configs', 'railway_yard', 'tiny'])
base = listed.getvalue().strip()
Path('mine.py').write_text(f"_base_ = {base!r}\\nmodel = dict(cls_head=dict(num_classes=7))\\n")
print('-' * 9, base, build_model('mine.py').cls_head.fc_cls.weight.shape[0], sep='\\n')
for name, probability in predict('clip.mp4', 'work_dirs/run/best.pth').items():
    print(f'{name}: {probability:.1%}')
"""


def test_subcommands_configs_and_a_trained_model_work_in_an_empty_folder(
    python: Path, tmp_path: Path, tiny_run: Path
) -> None:
    """By README's first lines, and by the command; the checkpoint alone says what it is."""
    (checkpoint,) = tiny_run.glob('best_*.pth')
    video = next((tiny_run.parent / 'data' / 'videos' / CLASSES[0]).glob('*.mp4'))
    shutil.copy(video, tmp_path / 'clip.mp4')
    (tmp_path / 'work_dirs' / 'run').mkdir(parents=True)
    shutil.copy(checkpoint, tmp_path / 'work_dirs' / 'run' / 'best.pth')
    predicted, usage, found = run(python, tmp_path, '-c', CODE).split('-' * 9)
    scores = json.loads(predicted.splitlines()[-1])['scores']
    assert set(scores) == set(CLASSES)
    base, num_classes, *lines = found.splitlines()[1:]
    assert Path(base).is_relative_to(python.parents[1])
    assert num_classes == '7'
    assert lines[-len(CLASSES) :] == [f'{name}: {score:.1%}' for name, score in scores.items()]

    overview, *helps = re.split(r'^usage: ', usage, flags=re.MULTILINE)[1:]
    listed = [line.split()[0] for line in overview.splitlines() if line.startswith('  ')]
    assert listed == [*COMMANDS, 'configs']
    assert len(helps) == len(COMMANDS)
    for name, text in zip(COMMANDS, helps, strict=True):
        # The analysis is a program of its own too.
        program = 'data_analysis' if name == 'analyze' else f'python -m mmaction_timesformer {name}'
        assert text.startswith(f'{program} '), text
