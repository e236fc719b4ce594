"""Live sources: a real RTSP server that is cut and comes back, four at once, reads that hang."""

import os
import threading
import time

import pytest

from mmaction_timesformer.detection.events import DangerEvent
from mmaction_timesformer.detection.feed import End, Gap, Patience
from mmaction_timesformer.detection.reader import SourceReader
from mmaction_timesformer.detection.sources import Source, parse_source
from mmaction_timesformer.detection.watch import Pulse, Scored
from tests.detection.signal_videos import every, make_detector, read_colours, write_video

QUICK = Patience(read_seconds=2.0, first_retry_seconds=0.2, max_retry_seconds=0.5)


@pytest.fixture(scope='module')
def camera(tmp_path_factory):
    path = tmp_path_factory.mktemp('camera') / 'gate.mp4'
    return write_video(path, every(25, 60.0), [(3.0, 60.0)], keyframe_every=25)


def test_a_stream_is_cut_and_comes_back(rtsp_server, camera):
    server, url = rtsp_server(camera)
    stop = threading.Event()
    updates = []
    for update in make_detector(patience=QUICK).watch([parse_source(url + '0')], stop=stop):
        updates.append(update)
        events = [u for u in updates if isinstance(u, DangerEvent)]
        gaps = [u for u in updates if isinstance(u, Gap)]
        is_open = bool(events) and events[-1].state != 'closed'
        if is_open and not gaps:
            server.kill()
        elif len(gaps) == 1:
            threading.Thread(target=server.start, daemon=True).start()
            gaps.append(None)
        if is_open and len(gaps) >= 2 and events[-1].start_seconds > gaps[0].start_seconds:
            stop.set()
    first, again = [e for e in events if e.state == 'closed']
    lost, back = gaps
    assert (lost.end_seconds, lost.start_seconds) == (None, back.start_seconds)
    # The event ends with the last frame before the cut; the next is seen after the gap.
    assert first.end_seconds == pytest.approx(lost.start_seconds, abs=0.1)
    assert not first.interrupted
    assert again.start_seconds >= back.end_seconds > lost.start_seconds
    assert again.interrupted
    assert first.start_time < again.start_time
    assert updates[-1].num_reconnects == 1


def test_four_streams_at_once(rtsp_server, tmp_path):
    files = [
        write_video(
            tmp_path / f'{number}.mp4',
            every(25, 30.0),
            [(2.0, 4.0 + number)] if number % 2 else [],
            [] if number % 2 else [(2.0, 4.0 + number)],
            keyframe_every=25,
        )
        for number in range(4)
    ]
    _, url = rtsp_server(*files)
    stop = threading.Event()
    closed, pulses = {}, {}
    sources = [parse_source(f'{url}{number}') for number in range(4)]
    for update in make_detector(patience=QUICK).watch(sources, stop=stop):
        if isinstance(update, DangerEvent) and update.state == 'closed':
            closed[update.source] = update
            if len(closed) == 4:
                stop.set()
        elif isinstance(update, Pulse):
            pulses[update.source] = update
    for number, source in enumerate(sources):
        event = closed[source.name]
        assert event.label == ('Digging' if number % 2 else 'Walking')
        assert event.duration_seconds == pytest.approx(2.0 + number, abs=0.5)
        assert event.latency_seconds < 1.0
        assert pulses[source.name].num_dropped == 0


def test_a_server_that_is_not_there_is_tried_and_given_up(unused_port):
    patience = Patience(2.0, first_retry_seconds=0.01, max_retry_seconds=0.02, max_retries=3)
    source = parse_source(f'rtsp://user:secret@127.0.0.1:{unused_port}/gate')
    *_, gap, _, end = make_detector(patience=patience).watch([source])
    assert isinstance(gap, Gap)
    assert isinstance(end, End)
    assert 'given up after 4 tries' in end.error
    assert 'secret' not in f'{gap}{end}'


def test_a_slow_model_drops_the_oldest_windows(camera):
    def think(clips):
        time.sleep(0.05)
        return read_colours(clips)

    source = Source('gate', str(camera), pace=20.0)
    detector = make_detector(think, batch_size=1, queue_size=2)
    updates = list(detector.watch([source]))
    scored = [u.window.seconds for u in updates if isinstance(u, Scored)]
    pulse = [u for u in updates if isinstance(u, Pulse)][-1]
    assert pulse.num_dropped > 50
    assert pulse.num_windows == len(scored)
    assert len(scored) + pulse.num_dropped == 233
    assert scored == sorted(scored)
    # What is scored is new: nothing waits longer than the queue is.
    assert pulse.max_latency_seconds < 1.0
    (event,) = [u for u in updates if isinstance(u, DangerEvent) and u.state == 'closed']
    assert event.end_seconds == pytest.approx(60.0, abs=0.1)


def test_a_read_that_hangs_is_ended(tmp_path):
    pipe = tmp_path / 'hangs.mp4'
    os.mkfifo(pipe)
    started = time.monotonic()
    patience = Patience(read_seconds=0.5)
    updates = list(make_detector(patience=patience).watch([Source('hangs', str(pipe))]))
    assert time.monotonic() - started < 5
    assert 'time limit' in updates[-1].error


def test_a_live_read_that_hangs_is_replaced(tmp_path, monkeypatch):
    """A camera whose driver does not return is opened anew on another thread."""
    source = Source('camera', 'testsrc=size=32x32:rate=25,realtime', 'device', 'lavfi')
    hang = threading.Event()
    frames = SourceReader.frames
    num_calls = 0

    def hang_once(self, from_seconds=0.0):
        nonlocal num_calls
        num_calls += 1
        for number, frame in enumerate(frames(self, from_seconds)):
            if num_calls == 1 and number == 20:
                hang.wait()
            yield frame

    monkeypatch.setattr(SourceReader, 'frames', hang_once)
    stop = threading.Event()
    gaps, num_windows = [], 0
    patience = Patience(read_seconds=0.4, first_retry_seconds=0.1)
    for update in make_detector(patience=patience).watch([source], stop=stop):
        if isinstance(update, Gap):
            gaps.append(update)
        elif isinstance(update, Scored):
            num_windows += 1
            if len(gaps) == 2:
                stop.set()
    hang.set()
    assert [gap.end_seconds is None for gap in gaps] == [True, False]
    assert 0.5 < gaps[1].end_seconds - gaps[1].start_seconds < 5
    assert num_windows > 0


def test_a_device_of_ffmpeg_is_a_camera():
    source = parse_source('lavfi:color=red:size=32x32:rate=10,realtime')
    assert (source.kind, source.device_format, source.is_live) == ('device', 'lavfi', True)
    stop = threading.Event()
    events = []
    for event in make_detector(patience=QUICK).stream(source, stop):
        events.append(event)
        stop.set()
    event = events[-1]
    assert event.label == 'Digging'
    assert event.start_time is not None


def test_heartbeats_tell_how_a_source_is_doing(camera):
    source = Source('gate', str(camera), pace=40.0)
    pulses = [
        update
        for update in make_detector(heartbeat_seconds=0.3).watch([source])
        if isinstance(update, Pulse)
    ]
    assert len(pulses) >= 4
    assert [p.num_frames for p in pulses] == sorted(p.num_frames for p in pulses)
    assert pulses[-1].num_frames == 1500
    assert pulses[-1].num_windows == 233
