"""Health of cameras, and the detector that the page starts."""

import json
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from mmaction_timesformer.detection.results.live_state import LIVE, LiveState
from mmaction_timesformer.web.cameras import DetectorProcess, health
from mmaction_timesformer.web.trial import ModelFiles

NOW = datetime(2026, 5, 4, 14, 3, tzinfo=timezone.utc)


def seen(seconds_ago=0.0, **state):
    return {'at': (NOW - timedelta(seconds=seconds_ago)).isoformat(), 'brightness': 90.0, **state}


@pytest.mark.parametrize(
    ('state', 'problems'),
    [
        (seen(), []),
        (seen(20), ['gone for 20 s']),
        (seen(gap='connection refused'), ['gone: connection refused']),
        (seen(latency_seconds=7.25), ['late by 7.2 s']),
        (seen(brightness=3.0), ['dark']),
        (seen(still_seconds=30.0), ['frozen for 30 s']),
        (seen(999, is_over=True), []),
        (seen(is_over=True, error='no such file'), ['ended: no such file']),
    ],
)
def test_health(state, problems):
    assert health(state, NOW) == problems


def test_live_state_tells_a_picture_that_stands_still(tmp_path, monkeypatch):
    """One that moves is bright or dark; one that stays is counted in seconds."""
    now = 100.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    state = LiveState(tmp_path)
    rng = np.random.default_rng(0)
    still = rng.integers(0, 20, (48, 64, 3), dtype=np.uint8)
    for second in range(4):
        now = 100.0 + 5 * second
        state.show('still', now, still)
        state.show('moves', now, rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    found = {}
    for file in (tmp_path / LIVE).glob('*.json'):
        content = json.loads(file.read_text())
        found[content['source']] = content
    assert found['still']['still_seconds'] == 15.0
    assert found['moves']['still_seconds'] == 0.0
    assert found['still']['brightness'] == pytest.approx(9.5, abs=1)
    assert len(list((tmp_path / LIVE).glob('*.jpg'))) == 2


@pytest.fixture
def detector(tmp_path, monkeypatch):
    """A stand-in for the detector that waits until it is asked to end."""
    (tmp_path / 'mmaction_timesformer').mkdir()
    (tmp_path / 'mmaction_timesformer' / '__init__.py').touch()
    (tmp_path / 'mmaction_timesformer' / '__main__.py').write_text(
        'import sys, time\nprint("error: no camera", file=sys.stderr, flush=True)\n'
        'if "bad" not in sys.argv:\n    time.sleep(60)\n'
    )
    monkeypatch.chdir(tmp_path)
    return DetectorProcess(tmp_path / 'out', tmp_path, ['gate=rtsp://camera/1'])


def wait_until(is_so):
    for _ in range(200):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail('it never came to be so')


def test_a_detector_is_started_once_found_again_and_stopped(detector, tmp_path):
    model = ModelFiles('config.py', 'model.pth')
    detector.start(model)
    with pytest.raises(ValueError, match='runs already'):
        detector.start(model)
    again = DetectorProcess(tmp_path / 'out', tmp_path, detector.sources)
    wait_until(lambda: again.state()['runs'])  # as a server that was killed and started again
    again.stop()
    wait_until(lambda: not detector.state()['runs'])
    assert not again.state()['runs']
    with pytest.raises(ValueError, match='no detector'):
        again.stop()


def test_why_it_ended_is_told(detector):
    detector.start(ModelFiles('config.py', 'bad'))
    wait_until(lambda: not detector.state()['runs'])
    assert detector.state()['problem'] == 'error: no camera'


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match='--camera'):
        DetectorProcess(tmp_path, tmp_path, []).start(ModelFiles('config.py', 'model.pth'))
    with pytest.raises(ValueError, match='--checkpoint'):
        DetectorProcess(tmp_path, tmp_path, ['a']).start(None)
