"""A Ray of two workers on this machine measures as the local pool does."""

import importlib.util
import os
import warnings
from pathlib import Path

import pandas as pd
import pytest

from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.ray_pool import connected, run_on_ray
from tests.data_analysis.misbehaving import misbehave
from tests.data_analysis.rendering import render_video

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def two_workers():
    """A local Ray; joined by everything in this module."""
    if importlib.util.find_spec('ray') is None:
        warnings.warn("Ray is not installed: pip install '.[ray]'", stacklevel=1)
        pytest.skip('Ray is not installed')
    # Its workers import the functions by name.
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', path)
        with connected('local', num_cpus=2) as ray:
            yield ray


@pytest.mark.slow
def test_outcomes_are_those_of_the_local_pool(two_workers):
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
def test_files_are_measured_as_here_and_once(two_workers, tmp_path):
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
