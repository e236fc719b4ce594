"""Recordings that grow, are replaced or are cut off, and the time at which they were recorded."""

import shutil
import threading
import time
from datetime import datetime, timezone

import pytest

from mmaction_timesformer.detection.results.event_log import read_events, read_records
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.feed import Patience
from mmaction_timesformer.detection.sources.file_state import missing_bytes
from mmaction_timesformer.detection.sources.reader import SourceReader
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.conftest import far_east
from tests.detection.signal_videos import every, make_detector, write_video

QUICK = Patience(read_seconds=0.5)
DIGGING = [(2.0, 4.0), (8.0, 10.0)]


def detector():
    return make_detector(patience=QUICK)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Twelve seconds as a transport stream."""
    path = tmp_path_factory.mktemp('whole') / 'yard.ts'
    return write_video(path, every(10, 12.0), DIGGING, keyframe_every=10)


def half_of(path, to):
    content = path.read_bytes()
    to.write_bytes(content[: len(content) // 188 // 2 * 188])
    return to


def starts(folder):
    return [round(event.start_seconds) for event in read_events(folder / EVENTS)]


def test_a_file_that_was_half_written_is_watched_to_its_end(whole, tmp_path):
    path = half_of(whole, tmp_path / 'yard.ts')
    source, out, fresh = Source('yard', str(path)), tmp_path / 'out', tmp_path / 'fresh'
    run(detector(), [source], out)
    assert starts(out) == [2]
    shutil.copy(whole, path)
    assert run(detector(), [source], out).num_skipped == 0
    run(detector(), [Source('yard', str(whole))], fresh)
    assert starts(out) == starts(fresh) == [2, 8]
    assert read_scores(out / SCORES) == read_scores(fresh / SCORES)
    assert run(detector(), [source], out).num_skipped == 1


def test_a_file_that_grows_while_it_is_read_is_followed(whole, tmp_path):
    path = half_of(whole, tmp_path / 'yard.ts')
    records = []
    thread = threading.Timer(0.3, shutil.copy, (whole, path))
    thread.start()
    detector_ = make_detector(patience=Patience(read_seconds=5.0))
    records = list(detector_.watch([Source('yard', str(path))]))
    thread.join()
    assert records[-1].num_frames == 120
    assert records[-1].seconds == pytest.approx(12.0, abs=0.1)


def test_another_recording_of_the_same_name_is_watched_under_a_name_of_its_own(tmp_path):
    path, out = tmp_path / '000.mp4', tmp_path / 'out'
    source = Source('ring', str(path))
    for spans in ([(2.0, 4.0)], [(5.0, 7.0)]):
        write_video(path, every(10, 8.0), spans)
        run(detector(), [source], out)
    first, second = read_events(out / EVENTS)
    assert (first.source, round(first.start_seconds), round(second.start_seconds)) == ('ring', 2, 5)
    assert second.source.startswith('ring~')
    before = (out / EVENTS).read_bytes()
    assert run(detector(), [source], out).num_skipped == 1
    assert (out / EVENTS).read_bytes() == before


def test_a_copy_of_the_same_content_is_finished(whole, tmp_path):
    path = shutil.copy(whole, tmp_path / 'yard.ts')
    for expected in (0, 1):
        summary = run(detector(), [Source('yard', str(path))], tmp_path / 'out')
        assert summary.num_skipped == expected
        # A later time alone makes no other recording.
        shutil.copy(whole, path)


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv', '.avi'])
def test_a_truncated_file_says_so(tmp_path, suffix):
    path = write_video(tmp_path / f'yard{suffix}', every(10, 6.0), [], keyframe_every=10)
    assert missing_bytes(path) == 0
    if suffix == '.mp4':
        # The index of an mp4 lies behind its data unless it is moved.
        import av

        moved = tmp_path / 'moved.mp4'
        with (
            av.open(str(path)) as source,
            av.open(str(moved), 'w', options={'movflags': 'faststart'}) as target,
        ):
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        path = moved
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    assert missing_bytes(path) > 0
    *_, end = detector().watch([Source('yard', str(path))])
    assert 'truncated' in end.remark
    assert end.error == ''


def test_the_record_says_where_the_time_comes_from(tmp_path):
    moment = datetime(2026, 5, 4, 14, 3, tzinfo=timezone.utc)
    path = write_video(tmp_path / 'yard.mp4', every(10, 6.0), [], recorded_at=moment)
    times = {}
    for rule in ('start', 'end', 'none'):
        out = tmp_path / rule
        run(make_detector(patience=QUICK, recording_time=rule), [Source('yard', str(path))], out)
        record = next(r for r in read_records(out / EVENTS) if r.get('state') == 'started')
        times[rule] = record['time'], record['clock']
    assert times == {
        'start': ('2026-05-04T14:03:00.000+00:00', 'creation_time: start of recording'),
        # The last frame is shown for 40 ms, so the recording lasts 5.94 s.
        'end': ('2026-05-04T14:02:54.060+00:00', 'creation_time: end of recording'),
        'none': (None, 'none: left out as asked'),
    }
    with pytest.raises(ValueError, match='recording_time'):
        make_detector(recording_time='middle')


class Tags:
    """Stands for a container or stream with these tags."""

    def __init__(self, name='mov', duration=None, **tags):
        self.format, self.duration = self, duration
        self.name, self.metadata = name, {k.replace('_dot_', '.'): v for k, v in tags.items()}


def test_phones_say_the_start_and_avi_has_local_time():
    from mmaction_timesformer.detection.sources.recording_time import recording_time

    apple = {'com.apple.quicktime.creationdate': '2026-05-04T16:00:00+02:00'}
    phone = Tags(creation_time='2026-05-04T15:00:00Z')
    phone.metadata |= apple
    for rule in ('start', 'end'):
        found = recording_time(phone, Tags(), rule)
        assert found.epoch == datetime(2026, 5, 4, 14, tzinfo=timezone.utc)
        assert 'creationdate: start' in found.clock
    with far_east():
        found = recording_time(Tags('avi', creation_time='2026-05-04T15:00:00Z'), Tags(), 'start')
    assert found.epoch == datetime(2026, 5, 4, 9, 30, tzinfo=timezone.utc)
    assert found.clock.endswith('local time')
    assert recording_time(Tags(creation_time='1970-01-01T00:00:00Z'), Tags()).epoch is None


def test_a_video_without_a_single_window_is_an_error(tmp_path):
    moments = [hole + n / 10 for hole in (0.0, 50.0, 100.0) for n in range(5)]
    path = write_video(tmp_path / 'holes.mp4', moments, [])
    *_, end = detector().watch([Source('yard', str(path))])
    assert end.error.startswith('no window: 15 frames')


def test_the_resumed_record_says_where_it_began(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'yard.mp4', every(10, 20.0), [])
    out, stop = tmp_path / 'out', threading.Event()
    frames = SourceReader.frames

    def stop_at_ten(self, from_seconds=0.0):
        for frame in frames(self, from_seconds):
            if frame.seconds == 10.0:
                stop.set()
                time.sleep(1.0)
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(SourceReader, 'frames', stop_at_ten)
        run(detector(), [Source('yard', str(path))], out, stop=stop)
    summary = run(detector(), [Source('yard', str(path))], out)
    *_, end = read_records(out / EVENTS)
    assert 0 < end['from_seconds'] < 10.0
    assert end['num_frames'] == 200
    # What the first run had scored is not counted again.
    assert 9.0 < summary.video_seconds < 20.0 - end['from_seconds']
