"""A Ray of two workers on this machine measures and watches as one process does."""

import contextlib
import importlib.util
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.ray_pool import connected, run_on_ray
from mmaction_timesformer.detection.command import DetectArguments, detect_command
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES, read_history
from mmaction_timesformer.detection.results.score_log import read_scores
from tests.data_analysis.misbehaving import misbehave
from tests.data_analysis.rendering import render_video
from tests.detection.signal_videos import every, write_video
from tests.detection.test_from_config import config, model_files  # noqa: F401
from tests.warm_python import loaded_python


@pytest.fixture(scope='module')
def two_ray_workers(root: Path) -> Iterator[Any]:
    """A local Ray of two workers, which are warm; joined by everything in this file."""
    if importlib.util.find_spec('ray') is None:
        warnings.warn("Ray is not installed: pip install '.[ray]'", stacklevel=1)
        pytest.skip('Ray is not installed')
    job = {'runtime_env': {'py_executable': loaded_python()}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAY_JOB_CONFIG_JSON_ENV_VAR', json.dumps(job))
        patch.setenv('RAY_enable_worker_prestart', '0')
        patch.setenv('RAY_prestart_worker_first_driver', '0')
        # They import the functions by name.
        patch.setenv('PYTHONPATH', os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')]))
        with connected('local', num_cpus=2) as ray:
            yield ray


def listening_addresses(marker: str) -> set[str]:
    """Hexadecimal addresses on which the processes listen that have a text in their command."""
    sockets = {}
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == '0A':
                sockets[f'socket:[{words[9]}]'] = words[1].partition(':')[0]
    found = set()
    for process in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if marker in (process / 'cmdline').read_text():
                found |= {os.readlink(handle) for handle in (process / 'fd').iterdir()}
    return {sockets[name] for name in found if name in sockets}


@pytest.mark.slow
def test_a_local_ray_listens_on_the_loopback_alone(two_ray_workers):
    session = two_ray_workers._private.worker._global_node.get_session_dir_path()
    addresses = listening_addresses(session)
    assert addresses
    assert addresses <= {'0100007F', '0000000000000000FFFF00000100007F', f'{"0" * 24}01000000'}


@pytest.mark.slow
def test_outcomes_are_those_of_the_local_pool(two_ray_workers):
    items = ['fine', 'raise', 'die', 'hang', 'fine']
    outcomes = list(run_on_ray(misbehave, items, timeout_seconds=4))
    assert sorted((outcome.item, outcome.failure or '') for outcome in outcomes) == [
        ('die', 'crashed'),
        ('fine', ''),
        ('fine', ''),
        ('hang', 'timed_out'),
        ('raise', 'raised'),
    ]


@pytest.mark.slow
def test_files_are_measured_as_here_and_once(two_ray_workers, tmp_path):
    files = [str(render_video(tmp_path / f'{number}.mp4', 4 + number)) for number in range(3)]
    (tmp_path / 'empty.mp4').touch()
    files.append(str(tmp_path / 'empty.mp4'))
    on_ray = MeasureSettings(ray_address='local')
    _, count = measure_files(files[:2], tmp_path / 'there', on_ray)
    assert count.measured == 2
    there, count = measure_files(files, tmp_path / 'there', on_ray)
    assert (count.measured, count.remembered) == (2, 2)
    here, _ = measure_files(files, tmp_path / 'here', MeasureSettings())
    pd.testing.assert_frame_equal(there, here)


@pytest.mark.slow
@pytest.mark.usefixtures('two_ray_workers')
def test_an_archive_on_ray_equals_one_process(model_files, tmp_path, capsys):  # noqa: F811
    folder = tmp_path / 'archive'
    folder.mkdir()
    for number in range(2):
        write_video(folder / f'{number}.mp4', every(10, 6.0 + number), [(1.0, 3.0)])
    here, there = tmp_path / 'here', tmp_path / 'there'
    assert detect_command(DetectArguments(*model_files, [str(folder)], str(here))) == 0

    def watch_on_ray(source):
        arguments = DetectArguments(*model_files, [str(source)], str(there), ray='local')
        return detect_command(arguments)

    assert watch_on_ray(folder) == 0
    capsys.readouterr()
    assert watch_on_ray(folder) == 0
    assert '2 sources were finished before' in capsys.readouterr().err
    assert read_scores(there / SCORES) == read_scores(here / SCORES)
    states = {name: past.state for name, past in read_history(there / EVENTS).items()}
    assert states == {str(folder / f'{number}.mp4'): 'finished' for number in range(2)}
    assert (there / 'report.html').exists()


def test_what_ray_cannot_watch_is_refused(model_files, tmp_path, capsys):  # noqa: F811
    assert (
        detect_command(
            DetectArguments(*model_files, ['rtsp://camera'], str(tmp_path / 'out'), ray='local')
        )
        == 2
    )
    assert '--ray is for recordings; rtsp://' in capsys.readouterr().err
