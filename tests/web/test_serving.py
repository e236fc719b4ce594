"""A fault at the start is one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmaction_timesformer.web.serving import ServeArguments, listen, open_site, recordings_of


def test_a_port_that_is_taken():
    with listen('127.0.0.1', 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f'port {port} .* is taken; name another with --port'):
            listen('127.0.0.1', port)


def test_a_missing_extra_is_named(root: Path, tmp_path: Path):
    """In an interpreter in which the package cannot be imported."""
    (tmp_path / 'starlette.py').write_text('raise ModuleNotFoundError("No module named starlette")')
    process = subprocess.run(
        [sys.executable, 'tools/serve.py', str(tmp_path)],
        cwd=root,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr.startswith('error: ')
    assert "pip install 'mmaction_timesformer[web]'" in process.stderr
    assert len(process.stderr.splitlines()) == 1


def test_what_is_not_there_is_named(results: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='no such folder of recordings'):
        open_site(ServeArguments(str(results), recordings=[str(tmp_path / 'none')]), 1)
    site = open_site(ServeArguments(str(results), checkpoint=str(tmp_path / 'none.pth')), 1)
    assert 'none.pth: no such file' in site.models.problem()
    (results / 'events.jsonl').write_text('not a record\n')
    with pytest.raises(ValueError, match=r'events\.jsonl'):
        open_site(ServeArguments(str(results)), 1)


def test_recordings_are_those_of_the_run(results: Path, recorded_run: Path):
    site = open_site(ServeArguments(str(results)), 1)
    assert recordings_of(site.run) == [recorded_run / 'recordings']
    (recording,) = site.catalogue.all()
    assert (recording.name, recording.path.name) == ('gate.mp4', 'gate.mp4')
    assert site.catalogue.of_source(str(recording.path)) == recording
    assert site.catalogue.of_source('/etc/passwd') is None
