"""Reading in order, against the reader that knows every frame of a file beforehand."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.sources.records import End, Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.detection.windows import WindowSettings
from tests.detection.signal_videos import every, make_detector, write_video
from tests.video_clips.reading.test_faults import render_with_sound
from video_clips.reading.video import VideoError, open_video

# Half a second of it is damaged, so one reader gives up a frame where the other repeats one.
DAMAGED = {'corrupted.mp4'}


def read(path, from_seconds=0.0):
    with SourceReader(Source('yard', str(path)), timeout_seconds=60.0) as reader:
        frames = list(reader.frames(from_seconds))
        assert reader.ending == ''
        return frames


@pytest.mark.parametrize('folder', ['odd', 'long'])
def test_real_files_give_the_same_frames_at_the_same_times(real_videos, folder):
    paths = sorted((real_videos / folder).iterdir())
    assert paths
    for path in paths:
        try:
            video = open_video(path)
        except VideoError as error:
            with pytest.raises(VideoError, match=error.reason):
                read(path)
            continue
        with video:
            frames = read(path)
            if path.name in DAMAGED:
                assert len(frames) == pytest.approx(video.num_frames, abs=2)
                continue
            moments = [frame.seconds for frame in frames]
            assert moments == pytest.approx(video.seconds.tolist(), abs=1e-6), path.name
            for number in {0, len(frames) // 2, len(frames) - 1}:
                expected = video.decode([number])[0]
                assert np.array_equal(frames[number].picture(), expected), (path.name, number)


def test_every_real_file_ends_in_events_or_a_clear_error(real_videos):
    paths = [path for folder in ('odd', 'long') for path in (real_videos / folder).iterdir()]
    sources = [Source(str(path), str(path)) for path in paths]
    detector = make_detector(windows=WindowSettings(2, 2.0, 1.0))
    ends = [record for record in detector.watch(sources) if isinstance(record, End)]
    assert {end.source for end in ends} == {source.name for source in sources}
    assert {Path(end.source).name for end in ends if end.error} == {'result.webm'}
    assert all(end.num_frames for end in ends if not end.error)


def test_going_on_from_a_later_moment_gives_the_same_frames(tmp_path):
    path = write_video(tmp_path / 'long.mp4', every(5, 150.0), [(70.0, 90.0)], keyframe_every=40)
    frames = read(path)
    later = read(path, from_seconds=100.0)
    assert len(later) < len(frames) / 2
    # The very first frame is read for the time line's sake.
    assert later[0].seconds == 0.0
    assert later[1].seconds <= 100.0
    tail = [frame for frame in frames if frame.seconds >= later[1].seconds]
    assert [frame.seconds for frame in later[1:]] == [frame.seconds for frame in tail]
    assert np.array_equal(later[1].picture(), tail[0].picture())


def test_a_file_that_cannot_be_searched_is_read_from_its_start(tmp_path):
    path = write_video(tmp_path / 'long.h264', every(5, 100.0), [], keyframe_every=40)
    frames, later = read(path), read(path, from_seconds=80.0)
    assert len(frames) == 500
    assert later[-1].seconds == pytest.approx(frames[-1].seconds)
    assert [f.seconds for f in later if f.seconds >= 80] == [
        f.seconds for f in frames if f.seconds >= 80
    ]


def test_a_start_that_cannot_be_decoded_is_skipped(tmp_path):
    path = write_video(tmp_path / 'whole.ts', every(25, 6.0), [(0.0, 6.0)], keyframe_every=50)
    content = path.read_bytes()
    joined = tmp_path / 'joined.ts'
    # Whole packets of 188 bytes from the middle of a group of pictures on, as a receiver joins.
    joined.write_bytes(content[len(content) // 188 // 5 * 188 :])
    frames = read(joined)
    assert 0 < len(frames) < 150
    # The container begins with what cannot be decoded, and a player's time with the container.
    assert frames[-1].seconds == pytest.approx(6.0 * 4 / 5, abs=0.2)
    red, green, _ = frames[0].picture().mean(axis=(0, 1))
    assert red > 200
    assert green < 20


def test_time_stamps_that_begin_anew_are_a_break(tmp_path):
    """A recorder that restarts, as its transport stream shows it."""
    first = write_video(tmp_path / '1.ts', every(25, 3.0), [(0.0, 3.0)], keyframe_every=25)
    second = write_video(tmp_path / '2.ts', every(25, 3.0), [], keyframe_every=25)
    both = tmp_path / 'both.ts'
    both.write_bytes(first.read_bytes() + second.read_bytes())
    items = read(both)
    (gap,) = [item for item in items if isinstance(item, Break)]
    assert gap.seconds == pytest.approx(3.0, abs=0.1)
    moments = [item.seconds for item in items if not isinstance(item, Break)]
    assert moments == sorted(moments)
    assert moments[-1] == pytest.approx(6.0, abs=0.2)


def test_what_has_no_picture_is_refused(tmp_path):
    with pytest.raises(VideoError, match='no such file'):
        read(tmp_path / 'missing.mp4')
    with pytest.raises(VideoError, match='folder'):
        read(tmp_path)


FAULTS = {
    # file: number of frames, first and last time
    'avi_dropped_frames.avi': (81, 0.0, 3.96),
    'avi_dropped_frames_bframes.avi': (81, 0.0, 3.96),
    'audio_longer.mkv': (100, 0.023, 3.983),
    'pid_change.ts': (400, 0.0, 15.96),
    'raw_10fps.h264': (60, 0.0, 5.9),
    'video_starts_at_2.5s.mp4': (100, 2.5, 6.46),
}


@pytest.mark.parametrize('name', FAULTS)
def test_times_are_those_of_a_player(real_videos, name):
    frames = read(real_videos / 'faults' / name)
    assert (len(frames), frames[0].seconds, frames[-1].seconds) == pytest.approx(FAULTS[name])


def test_an_event_of_a_late_video_has_the_times_of_a_player(real_videos):
    path = real_videos / 'faults' / 'video_starts_at_2.5s.mp4'

    def always(clips):
        return torch.tensor([[1.0, 0.0, 0.0]]).repeat(len(clips), 1)

    (event,) = make_detector(always).detect(path)
    assert (event.start_seconds, event.end_seconds) == (2.5, pytest.approx(6.5, abs=0.01))


def test_a_hole_ends_an_event(real_videos):
    records = list(make_detector().watch([Source('a', str(real_videos / 'faults/hole_of_8s.mp4'))]))
    (gap,) = [record for record in records if isinstance(record, Gap)]
    assert (gap.start_seconds, gap.end_seconds) == (pytest.approx(2.96), pytest.approx(11.0))


def test_one_frame_is_one_window(tmp_path):
    video = write_video(tmp_path / 'one.mp4', [0.0], [(0.0, 1.0)])
    *_, scored, event, closed, heartbeat, end = make_detector().watch([Source('a', str(video))])
    assert isinstance(scored, Scored)
    assert (event.label, closed.state, heartbeat.num_windows) == ('Digging', 'closed', 1)
    assert (end.error, end.num_frames) == ('', 1)


def test_a_frame_every_15_seconds_is_watched_and_told(tmp_path):
    video = write_video(tmp_path / 'lapse.mp4', [15.0 * n for n in range(8)], [(30.0, 60.0)])
    records = list(make_detector().watch([Source('a', str(video))]))
    assert 'frames come every 15.0 s' in records[-1].remark
    (event,) = [r for r in records if isinstance(r, DangerEvent) and r.state == 'closed']
    # The nearest frame counts: 30 and 45 s are red.
    assert (event.start_seconds, event.end_seconds) == pytest.approx((22.5, 52.5), abs=2.0)


def test_frames_out_of_order_are_counted(tmp_path, monkeypatch):
    video = write_video(tmp_path / 'yard.mp4', every(25, 4.0), [])
    decode = SourceReader._decode

    def swapped(self, *arguments):
        held = None
        for number, frame in enumerate(decode(self, *arguments)):
            if number == 50:
                held = frame
                continue
            yield frame
            if held is not None:
                yield held
                held = None

    monkeypatch.setattr(SourceReader, '_decode', swapped)
    *_, end = make_detector().watch([Source('a', str(video))])
    assert (end.num_frames, end.remark) == (99, '1 frames out of order were left out')


@pytest.mark.parametrize(
    ('name', 'size'), [('h264_stsd_240x320.mp4', (240, 320)), ('sar_1_2_704x288.mp4', (288, 352))]
)
def test_pictures_have_the_shape_that_a_player_shows(real_videos, name, size):
    frames = read(real_videos / 'faults' / name)
    picture = frames[20].picture()
    assert picture.shape[:2] == size
    with open_video(real_videos / 'faults' / name) as video:
        assert np.array_equal(picture, video.decode([20])[0])


def test_pixels_may_stay_as_coded(real_videos):
    path = real_videos / 'faults' / 'sar_1_2_704x288.mp4'
    with SourceReader(Source('a', str(path)), 60.0, square_pixels='never') as reader:
        assert next(reader.frames()).picture().shape == (288, 704, 3)


def write_numbered(path, start_pid, codec, seconds, starts, b_frames=0):
    """A transport stream of 32x32 whose pictures have this number (PID)."""
    options = {'mpegts_start_pid': str(start_pid), 'mpegts_pmt_start_pid': str(4000 + start_pid)}
    with av.open(str(path), 'w', options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = 'yuv420p'
        stream.options = {'bf': str(b_frames), 'g': '25'}
        for number in range(round(25 * seconds)):
            frame = av.VideoFrame(32, 32, 'yuv420p')
            for plane in frame.planes:
                plane.update(bytes([number % 200 + start_pid % 50]) * plane.buffer_size)
            frame.pts = round(25 * starts) + number
            frame.time_base = stream.codec_context.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def test_a_stream_that_joins_after_the_probe_is_left_alone(tmp_path):
    """It runs side by side to the end: its last pictures are not those of this one."""
    one = write_numbered(tmp_path / 'one.ts', 256, 'mpeg2video', 20.0, 1.0)
    other = write_numbered(tmp_path / 'other.ts', 300, 'mpeg2video', 8.0, 13.0)
    alone = len(one) - len(other) // 188 * 188
    cells = [one[k : k + 188] for k in range(alone, len(one), 188)]
    beside = [other[k : k + 188] for k in range(0, len(other), 188)]
    path = tmp_path / 'both.ts'
    path.write_bytes(one[:alone] + b''.join(a + b for a, b in zip(cells, beside, strict=True)))
    assert len(read(path)) == 500


@pytest.mark.parametrize('b_frames', [0, 2])
def test_a_number_that_appears_after_the_probe_is_followed(tmp_path, b_frames):
    """FFmpeg looks at seven seconds of a transport stream to find what it holds."""
    parts = [
        write_numbered(tmp_path / f'{pid}.ts', pid, 'mpeg2video', 12.0, starts, b_frames)
        for pid, starts in ((256, 1.0), (300, 13.12), (340, 25.24))
    ]
    path = tmp_path / 'both.ts'
    path.write_bytes(b''.join(parts))
    frames = read(path)
    assert len(frames) == 900
    assert frames[-1].seconds == pytest.approx(36.2, abs=0.01)
    assert np.diff([frame.seconds for frame in frames]).max() == pytest.approx(0.16, abs=0.01)
    *_, end = make_detector().watch([Source('a', str(path))])
    assert (end.num_frames, end.error, end.remark) == (900, '', '')


def test_what_follows_in_another_codec_is_told(tmp_path):
    path = tmp_path / 'both.ts'
    first = write_numbered(tmp_path / '1.ts', 256, 'mpeg2video', 12.0, 0.0)
    path.write_bytes(first + write_numbered(tmp_path / '2.ts', 300, 'libx264', 12.0, 12.0))
    *_, end = make_detector().watch([Source('a', str(path))])
    assert (end.num_frames, 'another number' in end.remark) == (300, True)
    with pytest.raises(VideoError, match='truncated: the pictures go on under another number'):
        open_video(path)
    with open_video(path, allow_truncated=True) as video:
        assert video.num_frames == 300


@pytest.mark.parametrize('moves', ['frag_keyframe+empty_moov+delay_moov', 'dash+cmaf+delay_moov'])
def test_fragments_begin_where_a_player_begins(tmp_path, moves):
    whole = render_with_sound(tmp_path / 'a.mp4', video_starts=1.2)
    path = tmp_path / 'b.mp4'
    with av.open(str(whole)) as source, av.open(str(path), 'w', options={'movflags': moves}) as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    with open_video(path) as video:
        assert video.seconds[0] == pytest.approx(1.2, abs=0.05)
    with SourceReader(Source('a', str(path)), 60.0) as reader:
        assert next(reader.frames()).seconds == pytest.approx(1.2, abs=0.05)
