"""A Ray of two workers on this machine measures as the local pool does."""

import contextlib
import os
from pathlib import Path

import pandas as pd
import pytest

from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.ray_pool import run_on_ray
from tests.data_analysis.misbehaving import misbehave
from tests.data_analysis.rendering import render_video


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
