"""Clocks of live sources, simulated and with a camera that speaks MJPEG over HTTP."""

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from mmaction_timesformer.detection.sources.arrival_clock import ArrivalClock
from mmaction_timesformer.detection.sources.feed import Patience
from mmaction_timesformer.detection.sources.records import Begin
from mmaction_timesformer.detection.sources.sources import parse_source
from mmaction_timesformer.detection.watch import Scored
from tests.detection.signal_videos import make_detector


def errors(pace, jitter=0.0, seconds=240, fps=20, **options):
    """How far times are from the truth, for stamps at a pace, and the clock."""
    rng = np.random.default_rng(0)
    clock = ArrivalClock(0.0, 1000.0, **options)
    found, arrived = [], 0.0
    for number in range(seconds * fps):
        moment = number / fps
        arrived = max(arrived, moment + abs(rng.normal(0, jitter))) if number else 0.0
        found.append(clock.read(moment * pace, 1000.0 + arrived) - moment)
    return np.array(found), clock


def test_regular_stamps_stay_as_they_are_however_frames_arrive():
    found, clock = errors(1.0, jitter=0.3)
    assert np.abs(found).max() < 1e-9
    assert clock.pace is None


@pytest.mark.parametrize('pace', [0.2, 0.8, 0.98, 1.25, 5.0])
def test_stamps_at_another_pace_are_bounded_and_told(pace):
    found, clock = errors(pace)
    assert np.abs(found).max() <= max(11.5 * abs(pace - 1), 1.2)
    # A stream that runs ahead may have sent what it had kept: the first second of it stays.
    assert np.abs(found[-20:]).max() < 0.3 + 1.1 * max(pace - 1, 0)
    assert clock.pace == pytest.approx(pace, abs=0.01)
    assert (np.diff(found) > -1 / 20).all(), 'times rise'


def test_without_stamps_arrival_alone_counts():
    clock = ArrivalClock(7.0, 100.0, has_stamps=False)
    arrivals = [100.0, 100.2, 100.2, 105.0]
    times = [clock.read(number / 25, moment) for number, moment in enumerate(arrivals)]
    assert times == pytest.approx([7.0, 7.2, 7.201, 12.0])


@pytest.fixture
def mjpeg_camera():
    """Five pictures per second, as most cameras offer them over HTTP."""
    picture = io.BytesIO()
    Image.new('RGB', (32, 32), (220, 0, 30)).save(picture, 'jpeg')

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
            self.end_headers()
            while True:
                head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {picture.tell()}'
                try:
                    self.wfile.write(f'{head}\r\n\r\n'.encode() + picture.getvalue() + b'\r\n')
                except OSError:
                    return
                time.sleep(0.2)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Camera)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/video.mjpg'
    server.shutdown()
    server.server_close()


def test_a_camera_with_mjpeg_over_http_keeps_time(mjpeg_camera):
    stop = threading.Event()
    windows, begin, first_seen = [], None, 0.0
    patience = Patience(read_seconds=20.0)
    for record in make_detector(patience=patience).watch([parse_source(mjpeg_camera)], stop=stop):
        if isinstance(record, Begin):
            begin, first_seen = record, time.monotonic()
        elif isinstance(record, Scored):
            windows.append((record.window.newest_seconds, time.monotonic() - first_seen))
            if len(windows) == 4:
                stop.set()
    assert begin.clock == 'arrival'
    # Windows of 1.75 s, a quarter apart, last 2.5 s; by FFmpeg's 25 per second it would be 12.5.
    assert windows[-1][0] == pytest.approx(2.5, abs=0.4)
    assert windows[-1][1] == pytest.approx(windows[-1][0], abs=2.0)
