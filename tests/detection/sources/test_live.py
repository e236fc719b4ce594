"""Live sources: a real RTSP server that is cut and comes back, four at once, reads that hang."""

import itertools
import os
import threading
import time
from datetime import datetime, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.sources.feed import Patience, Resume
from mmaction_timesformer.detection.sources.reader import SourceReader
from mmaction_timesformer.detection.sources.records import End, Gap
from mmaction_timesformer.detection.sources.sources import Source, parse_source
from mmaction_timesformer.detection.watch import Heartbeat, Scored
from tests.detection.signal_videos import (
    every,
    make_detector,
    prepare,
    read_colours,
    write_video,
)

# Nothing here waits for this limit to pass: a slow machine must not come near it.
QUICK = Patience(read_seconds=20.0, first_retry_seconds=0.2, max_retry_seconds=0.5)


@pytest.fixture(scope='module')
def camera(tmp_path_factory):
    path = tmp_path_factory.mktemp('camera') / 'gate.mp4'
    return write_video(path, every(25, 60.0), [(3.0, 60.0)], keyframe_every=25)


def test_a_stream_is_cut_and_comes_back(rtsp_server, camera):
    server, url = rtsp_server(camera)
    stop = threading.Event()
    records = []
    for record in make_detector(patience=QUICK).watch([parse_source(url + '0')], stop=stop):
        records.append(record)
        events = [u for u in records if isinstance(u, DangerEvent)]
        gaps = [u for u in records if isinstance(u, Gap)]
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
    assert records[-1].num_reconnects == 1


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
    closed, heartbeats = {}, {}
    sources = [parse_source(f'{url}{number}') for number in range(4)]
    for record in make_detector(patience=QUICK, queue_size=100).watch(sources, stop=stop):
        if isinstance(record, DangerEvent) and record.state == 'closed':
            closed[record.source] = record
            if len(closed) == 4:
                stop.set()
        elif isinstance(record, Heartbeat):
            heartbeats[record.source] = record
    for number, source in enumerate(sources):
        event = closed[source.name]
        assert event.label == ('Digging' if number % 2 else 'Walking')
        assert event.duration_seconds == pytest.approx(2.0 + number, abs=0.5)
        assert event.latency_seconds < 3.0
        assert heartbeats[source.name].num_dropped == 0


def test_a_server_that_is_not_there_is_tried_and_given_up(unused_port):
    patience = Patience(20.0, first_retry_seconds=0.01, max_retry_seconds=0.02, max_retries=3)
    source = parse_source(f'rtsp://user:secret@127.0.0.1:{unused_port}/gate')
    *_, gap, _, end = make_detector(patience=patience).watch([source])
    assert isinstance(gap, Gap)
    assert isinstance(end, End)
    assert 'given up after 4 tries' in end.error
    assert 'secret' not in f'{gap}{end}'


def test_a_slow_model_drops_the_oldest_windows(camera):
    def think(clips):
        time.sleep(0.1)
        return read_colours(clips)

    source = Source('gate', str(camera), pace=20.0)
    detector = make_detector(think, batch_size=1, queue_size=2)
    records = list(detector.watch([source]))
    scored = [u.window.seconds for u in records if isinstance(u, Scored)]
    heartbeat = [u for u in records if isinstance(u, Heartbeat)][-1]
    assert heartbeat.num_dropped > 50
    assert heartbeat.num_windows == len(scored)
    assert len(scored) + heartbeat.num_dropped == 233
    assert scored == sorted(scored)
    # What is scored is new: nothing waits longer than the queue is. All would take 23 seconds.
    assert heartbeat.max_latency_seconds < 5.0
    # One event; a machine that stalls for longer than windows touch makes it several.
    *_, event = [u for u in records if isinstance(u, DangerEvent) and u.state == 'closed']
    assert event.end_seconds == pytest.approx(60.0, abs=0.1)


def test_a_pipe_that_is_named_like_a_video_is_not_waited_for(tmp_path):
    pipe = tmp_path / 'hangs.mp4'
    os.mkfifo(pipe)
    started = time.monotonic()
    records = list(make_detector().watch([Source('hangs', str(pipe))]))
    assert time.monotonic() - started < 60
    assert 'not a regular file' in records[-1].error


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
    patience = Patience(read_seconds=2.0, first_retry_seconds=0.1)
    for record in make_detector(patience=patience).watch([source], stop=stop):
        if isinstance(record, Gap):
            gaps.append(record)
        elif isinstance(record, Scored):
            num_windows += 1
            if len(gaps) == 2:
                stop.set()
    hang.set()
    assert [gap.end_seconds is None for gap in gaps] == [True, False]
    assert 2.0 < gaps[1].end_seconds - gaps[1].start_seconds < 60
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
    source = Source('gate', str(camera), pace=30.0)
    heartbeats = [
        record
        for record in make_detector(heartbeat_seconds=0.3, queue_size=300).watch([source])
        if isinstance(record, Heartbeat)
    ]
    assert len(heartbeats) >= 4
    assert [p.num_frames for p in heartbeats] == sorted(p.num_frames for p in heartbeats)
    assert heartbeats[-1].num_frames == 1500
    assert heartbeats[-1].num_windows == 233


def test_a_frame_that_cannot_be_used_is_a_gap():
    """One failure must not end the watch, and a permanent one must not go on for ever."""
    source = parse_source('lavfi:color=red:size=32x32:rate=25,realtime')
    num_prepared = 0

    def fail_once(picture):
        nonlocal num_prepared
        num_prepared += 1
        if num_prepared == 10:
            raise ValueError('sws_scale failed')
        return prepare(picture)

    detector = make_detector(patience=QUICK)
    detector.prepare = fail_once
    stop = threading.Event()
    records = []
    for record in detector.watch([source], stop=stop):
        records.append(record)
        gaps = [u for u in records if isinstance(u, Gap)]
        if len(gaps) == 2 and isinstance(record, Scored):
            stop.set()
    assert [gap.end_seconds is None for gap in gaps] == [True, False]
    assert gaps[0].reason == 'ValueError: sws_scale failed'
    assert records[-1].num_reconnects == 1

    def fail_always(picture):
        raise ValueError('sws_scale failed')

    detector = make_detector(patience=Patience(20.0, 0.01, 0.02, max_retries=3))
    detector.prepare = fail_always
    *_, end = detector.watch([source])
    assert end.error == 'given up after 4 tries: ValueError: sws_scale failed'


@pytest.fixture
def hanging_driver(monkeypatch):
    """Opening a camera does not return until the test is over; gives the threads that wait."""
    hang = threading.Event()
    threads = []

    def open_and_hang(self, *_):
        threads.append(threading.current_thread())
        hang.wait()
        raise OSError('unplugged')

    monkeypatch.setattr(SourceReader, '__init__', open_and_hang)
    yield threads
    hang.set()
    for thread in threads:
        thread.join(5.0)


CAMERA = Source('camera', '/dev/video9', 'device', 'v4l2')


def test_a_camera_that_always_hangs_is_given_up(hanging_driver):
    patience = Patience(0.2, first_retry_seconds=0.1, max_retry_seconds=0.4, max_retries=3)
    started = time.monotonic()
    records = list(make_detector(patience=patience).watch([CAMERA]))
    assert time.monotonic() - started > 0.1 + 0.2 + 0.4
    (gap,) = [u for u in records if isinstance(u, Gap)]
    assert (gap.start_seconds, gap.end_seconds) == (0.0, None)
    assert records[-1].error == 'given up after 4 tries: a read does not return'
    # On a busy machine a thread may be given up before it has come as far as to hang.
    assert 2 <= len(hanging_driver) <= 4


def test_threads_that_hang_do_not_pile_up(hanging_driver):
    stop = threading.Event()
    threading.Timer(2.5, stop.set).start()
    patience = Patience(0.05, first_retry_seconds=0.01, max_retry_seconds=0.02)
    resume = Resume(epoch=datetime.now(timezone.utc), last_seconds=7.0)
    detector = make_detector(patience=patience)
    records = list(detector.watch([CAMERA], resumes={'camera': resume}, stop=stop))
    (gap,) = [u for u in records if isinstance(u, Gap)]
    assert (gap.start_seconds, gap.reason) == (7.0, 'nobody was watching')
    assert not [u for u in records if isinstance(u, End)]
    assert len(hanging_driver) <= 4


@pytest.fixture
def web_server(tmp_path):
    """A web server for the files in the test's folder; gives its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f'http://127.0.0.1:{server.server_address[1]}'
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize('scheme', ['http', 'file'])
def test_a_recording_behind_a_url_waits_for_a_slow_model(web_server, tmp_path, scheme):
    def think(clips):
        time.sleep(0.02)
        return read_colours(clips)

    file = tmp_path / 'yard.mp4'
    write_video(file, every(25, 40.0), [(s, s + 5.0) for s in (3.0, 14.0, 26.0)])
    url = f'{web_server}/{file.name}' if scheme == 'http' else file.as_uri()
    stop = threading.Event()
    impatience = threading.Timer(120.0, stop.set)
    impatience.start()
    detector = make_detector(think, batch_size=4, queue_size=4)
    records = list(detector.watch([parse_source(url)], stop=stop))
    impatience.cancel()
    assert not [u for u in records if isinstance(u, Gap)]
    *_, heartbeat, end = records
    assert (heartbeat.num_dropped, heartbeat.num_windows, end.error) == (0, 153, '')
    assert [
        (u.start_seconds, u.end_seconds)
        for u in records
        if isinstance(u, DangerEvent) and u.state == 'closed'
    ] == [(e.start_seconds, e.end_seconds) for e in make_detector().detect(file)]


def test_the_time_line_begins_at_0_however_slow_the_machine(tmp_path, monkeypatch):
    file = write_video(tmp_path / 'yard.mp4', every(25, 4.0), [])
    # Each reading of the clock is a second later.
    clock = itertools.count(100.0).__next__
    monkeypatch.setattr('mmaction_timesformer.detection.sources.live.monotonic', clock)
    records = make_detector().watch([parse_source(file.as_uri())])
    first = next(u for u in records if isinstance(u, Scored))
    assert first.window.seconds == 1.75 / 2


JUMP = 5 * 3600.0


@pytest.fixture(scope='module')
def jumping(tmp_path_factory):
    """Ten seconds of video whose time stamps jump ahead after six."""
    path = tmp_path_factory.mktemp('jumping') / 'yard.mp4'
    moments = every(25, 6.0) + [JUMP + 6.0 + moment for moment in every(25, 4.0)]
    return write_video(path, moments, [(4.0, JUMP + 20.0)])


@pytest.mark.parametrize('scheme', ['', 'file://'])
def test_a_jump_of_the_time_stamps_is_a_gap(jumping, scheme):
    records = list(make_detector().watch([parse_source(f'{scheme}{jumping}')]))
    gap = [u for u in records if isinstance(u, Gap)][-1]
    assert gap.start_seconds == pytest.approx(5.96, abs=1e-3)
    assert gap.end_seconds == pytest.approx(JUMP + 6.0, abs=1e-3)
    assert gap.reason == 'the time stamps jump ahead by 18000 s'
    # 17 windows of 1.75 s, a quarter apart, lie in the first 5.96 s, and 9 in the other 3.96 s.
    assert sum(isinstance(u, Scored) for u in records) == 17 + 9
    first, second = [u for u in records if isinstance(u, DangerEvent) and u.state == 'closed']
    assert first.start_seconds == pytest.approx(4.0, abs=0.5)
    assert first.end_seconds == 5.96
    assert second.start_seconds == pytest.approx(JUMP + 6.0, abs=1e-3)
    assert second.end_seconds == pytest.approx(JUMP + 10.0, abs=0.05)


def test_a_jump_in_a_live_stream_is_a_gap_by_the_clock():
    jump = "setpts='PTS+gte(N,75)*18000/TB'"
    source = parse_source(f'lavfi:color=red:size=32x32:rate=25,realtime,{jump}')
    stop = threading.Event()
    records = []
    for record in make_detector(patience=QUICK).watch([source], stop=stop):
        records.append(record)
        gaps = [u for u in records if isinstance(u, Gap)]
        if gaps and isinstance(record, DangerEvent) and record.state == 'open':
            stop.set()
    lost, back = gaps
    assert (lost.start_seconds, lost.end_seconds) == (pytest.approx(74 / 25, abs=0.01), None)
    assert lost.start_seconds < back.end_seconds < 30.0
    closed = [u for u in records if isinstance(u, DangerEvent) and u.state == 'closed']
    assert [event.end_seconds < 30.0 for event in closed] == [True, True]
    assert records[-1].num_reconnects == 0
