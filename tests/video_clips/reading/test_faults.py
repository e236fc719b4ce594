"""Files that readers get wrong, each with its right value: made here, and those of strangers."""

import os
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.data_analysis.rendering import (
    SIZE,
    number_in,
    picture_of,
    plain_decode,
    render_video,
)
from tests.video_clips.reading.field_coded import render_fields
from video_clips.reading import packet_reader
from video_clips.reading.opening import VideoError, open_container
from video_clips.reading.promised_bytes import num_missing_bytes
from video_clips.reading.video import open_video

NO_B_FRAMES = {'bf': '0', 'g': '10', 'sc_threshold': '0'}


def numbers(path: Path, frames=None, **options) -> list[int]:
    with open_video(path, **options) as video:
        return [number_in(p) for p in video.decode(frames or range(video.num_frames))]


def patch(path: Path, old: bytes, new: bytes, offset: int = 0) -> Path:
    """Overwrite bytes at a place behind the only occurrence of others."""
    data = bytearray(path.read_bytes())
    assert data.count(old) == 1
    at = data.index(old) + offset
    data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


def render_with_sound(path: Path, *, video_starts: float = 0.0, sound_seconds: float = 3.0) -> Path:
    """20 numbered frames at 10 per second, and silence from 0 on."""
    with av.open(str(path), 'w') as container:
        video = container.add_stream('libx264', rate=10, options=NO_B_FRAMES)
        video.width, video.height = SIZE
        video.pix_fmt = 'yuv420p'
        video.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream('mp2', rate=32000)
        for number in range(int(sound_seconds * 32000) // 1152):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), 's16', 'stereo')
            silence.sample_rate, silence.pts = 32000, number * 1152
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(picture_of(number), 'rgb24')
            frame.pts, frame.time_base = (
                round(video_starts * 1000) + number * 100,
                Fraction(1, 1000),
            )
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


# Complete or cut


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


def test_an_avi_that_counts_dropped_frames_is_complete(tmp_path):
    ticks = [100 * n for n in range(30) if n not in (1, 7, 8, 20)]
    path = render_video(tmp_path / 'a.avi', 26, codec='mpeg4', ticks=ticks)
    with open_video(path) as video:
        assert video.num_frames == 26
        assert video.index.packets.num_promised > 26
        np.testing.assert_allclose(video.seconds, np.array(ticks) / 1000, atol=1e-6)


@pytest.mark.parametrize('codec', ['mpeg4', 'libx264'])
def test_a_cut_avi_is_not(tmp_path, codec):
    path = render_video(tmp_path / 'a.avi', 40, codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b'idx1') - 100])
    with pytest.raises(VideoError, match=r'truncated: its header promises 100 bytes more'):
        open_video(path)


@pytest.mark.parametrize(
    ('name', 'codec', 'promises'),
    [
        ('a.mkv', 'libx264', True),
        ('a.webm', 'libvpx-vp9', True),
        ('a.asf', 'wmv2', True),
        ('a.ts', 'libx264', False),
    ],
)
def test_bytes_that_other_containers_promise(tmp_path, name, codec, promises):
    path = render_video(tmp_path / name, 25, codec=codec)
    size = path.stat().st_size
    assert num_missing_bytes(path) == (0 if promises else None)
    cut(path, 0.5)
    assert num_missing_bytes(path) == (size - size // 2 if promises else None)


@pytest.mark.parametrize(
    'data', [b'', b'RIFF', b'RIFF\0\0\0\0AVI ', b'\x1aE\xdf\xa3', b'\x1aE\xdf\xa3\xff']
)
def test_headers_that_promise_nothing(tmp_path, data):
    (tmp_path / 'a').write_bytes(data)
    assert num_missing_bytes(tmp_path / 'a') is None


# Sizes and shapes


@pytest.mark.parametrize('size', [(0, 0), (48, 64)])
def test_the_stream_is_right_about_the_size(tmp_path, size):
    path = render_video(tmp_path / 'a.mp4', 12)
    width_and_height = b''.join(side.to_bytes(2, 'big') for side in size)
    patch(path, b'avc1\0\0\0\0\0\0\0\1', width_and_height, offset=28)
    with open_video(path) as video:
        assert video.size == SIZE
        assert [number_in(picture) for picture in video.decode([11, 4])] == [11, 4]
        assert video.decode([7], short_side=24).shape == (1, 24, 32, 3)


@pytest.mark.parametrize(
    ('codec', 'suffix'), [('mpeg4', '.mp4'), ('mpeg4', '.mov'), ('h263', '.3gp'), ('h263', '.mov')]
)
def test_codecs_whose_size_is_in_the_stream_alone(tmp_path, codec, suffix):
    size = (128, 96)
    path = render_video(tmp_path / f'a{suffix}', 12, codec=codec, fps=25, size=size)
    assert numbers(path, [11, 4]) == [11, 4]
    with open_video(path) as video:
        assert video.size == size


def render_stretched(path: Path, aspect: Fraction) -> Path:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(picture_of(number), 'rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ('aspect', 'square_pixels', 'size'),
    [
        (Fraction(1, 2), 'gross', (32, 48)),
        (Fraction(2), 'gross', (128, 48)),
        (Fraction(4, 3), 'gross', (64, 48)),
        (Fraction(4, 3), 'all', (85, 48)),
        (Fraction(1, 2), 'never', (64, 48)),
        (Fraction(15, 143), 'all', (64, 48)),  # damage
    ],
)
def test_pixels_that_are_not_square(tmp_path, aspect, square_pixels, size):
    path = render_stretched(tmp_path / 'a.mkv', aspect)
    with open_video(path, square_pixels=square_pixels) as video:
        assert video.size == size
        (picture,) = video.decode([3])
        assert picture.shape == (*size[::-1], 3)
        assert number_in(picture) == 3


def test_choices_of_square_pixels(tmp_path):
    with pytest.raises(ValueError, match=r"must be one of .*'gross'.* got 'yes'"):
        open_video(tmp_path / 'a.mp4', square_pixels='yes')


# Display matrices: (a, b, c, d) sends column x and row y to a x + c y and b x + d y.


@pytest.mark.parametrize(
    ('matrix', 'shown'),
    [
        ((1, 0, 0, 1), lambda p: p),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda p: np.rot90(p.swapaxes(0, 1), 2)),
        ((0, 0, 0, 0), lambda p: p),
    ],
)
def test_display_matrices(tmp_path, matrix, shown):
    path = render_video(tmp_path / 'a.mp4', 3)
    (coded,) = plain_decode(path, only=[1])[1:2]
    identity = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]
    a, b, c, d = (number * 0x10000 for number in matrix)
    wanted = [a, b, 0, c, d, 0, 0, 0, 0x40000000]
    data = path.read_bytes()
    at = data.index(b'tkhd') + 4 + 40  # behind version, times, number, duration, layer, volume
    as_bytes = [b''.join(n.to_bytes(4, 'big', signed=True) for n in m) for m in (identity, wanted)]
    assert data[at : at + 36] == as_bytes[0]
    path.write_bytes(data[:at] + as_bytes[1] + data[at + 36 :])
    with open_video(path) as video:
        (picture,) = video.decode([1])
        assert np.array_equal(picture, shown(coded))
        assert video.size == picture.shape[1::-1]


# Frames and packets


@pytest.mark.parametrize('suffix', ['.h264', '.ts', '.mkv', '.mp4'])
@pytest.mark.parametrize('keeps_packets', [True, False])
def test_two_fields_are_one_frame(tmp_path, monkeypatch, suffix, keeps_packets):
    if not keeps_packets:
        monkeypatch.setattr(packet_reader, '_MOST_BYTES_KEPT', 0)
    path = render_fields(tmp_path / f'a{suffix}', 20)
    expected = plain_decode(path)
    assert [number_in(picture) for picture in expected] == list(range(20))
    with open_video(path) as video:
        assert video.num_frames == 20
        assert video.fps == pytest.approx(25)
        for frames in ([3], [19, 0], [7, 8, 12]):
            for frame, picture in zip(frames, video.decode(frames), strict=True):
                assert np.array_equal(picture, expected[frame])


def keyframe_flags(path: Path) -> list[bool]:
    with open_container(path) as container:
        return [packet.is_keyframe for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize('keeps_packets', [True, False])
@pytest.mark.parametrize(
    ('name', 'codec'), [('a.mp4', 'mpeg4'), ('b.mp4', 'mpeg2video'), ('c.mp4', 'libx264')]
)
def test_flags_of_keyframes_that_nothing_proves(tmp_path, monkeypatch, name, codec, keeps_packets):
    """Without a table of keyframes (stss) every packet of an mp4 counts as one."""
    if not keeps_packets:
        monkeypatch.setattr(packet_reader, '_MOST_BYTES_KEPT', 0)
    path = render_video(tmp_path / name, 40, codec=codec, fps=25, options=NO_B_FRAMES)
    flags = keyframe_flags(path)
    assert 3 < sum(flags) < 40
    patch(path, b'stss', b'free')
    assert all(keyframe_flags(path))
    expected = plain_decode(path)
    with open_video(path) as video:
        assert video.index.packets.is_keyframe.tolist() == flags
        for frame in (6, 18, 31):
            assert np.array_equal(video.decode([frame])[0], expected[frame]), frame


def test_pictures_that_are_never_shown_are_no_frames(tmp_path):
    options = {'auto-alt-ref': '1', 'lag-in-frames': '16', 'b': '200k', 'deadline': 'good'}
    for codec in ('libvpx', 'libvpx-vp9'):
        path = render_video(tmp_path / f'{codec}.webm', 60, codec=codec, options=options)
        expected = plain_decode(path)
        with open_video(path) as video:
            assert video.index.packets.has_timestamps
            assert video.num_frames == len(expected) == 60
            for frame in (59, 20, 33):
                assert np.array_equal(video.decode([frame])[0], expected[frame])


def test_a_transport_stream_whose_pictures_change_their_number(tmp_path):
    parts = []
    for number, pid in enumerate((256, 300)):
        part = render_video(
            tmp_path / f'{pid}.ts',
            30,
            options=NO_B_FRAMES,
            container_options={
                'mpegts_start_pid': str(pid),
                'mpegts_pmt_start_pid': str(4000 + number),
            },
        )
        parts.append(part.read_bytes())
    path = tmp_path / 'both.ts'
    path.write_bytes(b''.join(parts))
    with open_video(path) as video:
        assert [number_in(p) for p in video.decode(range(video.num_frames))] == [*range(30)] * 2
        np.testing.assert_allclose(np.diff(video.seconds), 0.1, atol=1e-6)


def test_two_streams_side_by_side_are_not_joined(tmp_path):
    path = tmp_path / 'a.ts'
    with av.open(str(path), 'w') as container:
        streams = [container.add_stream('libx264', rate=10, options=NO_B_FRAMES) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height = SIZE
            stream.pix_fmt = 'yuv420p'
        for number in range(30):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(picture_of(number), 'rgb24')
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    assert numbers(path) == list(range(30))


# Times


@pytest.mark.parametrize('suffix', ['.ts', '.mkv', '.mp4'])
@pytest.mark.parametrize('starts', [0.0, 2.5])
def test_times_are_those_of_a_player(tmp_path, suffix, starts):
    path = render_with_sound(tmp_path / f'a{suffix}', video_starts=starts)
    with open_video(path) as video:
        # The sound begins a little early, for its decoder to warm up.
        np.testing.assert_allclose(video.seconds, starts + np.arange(20) / 10, atol=0.02)
        assert video.fps == pytest.approx(10, rel=1e-3)
        assert video.duration_seconds == pytest.approx(2, rel=1e-3)


def test_a_hole_is_no_part_of_the_rate(tmp_path):
    ticks = [*range(0, 5000, 40), *range(13000, 18000, 40)]
    with open_video(render_video(tmp_path / 'a.mkv', 250, fps=25, ticks=ticks)) as video:
        assert video.fps == pytest.approx(25)
        assert video.duration_seconds == pytest.approx(18)


@pytest.mark.parametrize('suffix', ['.h264', '.h265'])
def test_raw_streams_have_the_rate_that_they_say(tmp_path, suffix):
    codec, options = 'libx264', {}
    if suffix == '.h265':
        codec, options = 'libx265', {'x265-params': 'log-level=none'}
    path = render_video(tmp_path / f'a{suffix}', 30, fps=12, codec=codec, options=options)
    with open_video(path) as video:
        assert (video.num_frames, round(video.fps, 6)) == (30, 12)


def test_a_clock_without_a_timescale(tmp_path):
    path = render_video(tmp_path / 'a.mp4', 40, fps=20, options=NO_B_FRAMES)
    patch(path, b'mdhd', bytes(4), offset=16)
    assert numbers(path) == list(range(40))
    with open_video(path) as video:
        np.testing.assert_allclose(video.seconds, np.arange(40) / 20)


# What is no file


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('a\0b.mp4', 'is not a valid file name: '),
        ('loop.mp4', 'cannot be read: Too many levels of symbolic links'),
        ('x' * 300 + '.mp4', 'cannot be read: File name too long'),
        ('pipe.mp4', 'is not a regular file'),
        ('nowhere://a.mp4', 'cannot be opened as a video'),
        (os.fsdecode(b'caf\xe9.mp4'), 'no such file'),
    ],
)
def test_names_that_cannot_be_opened_are_one_line(tmp_path, name, reason):
    (tmp_path / 'loop.mp4').symlink_to('loop.mp4')
    os.mkfifo(tmp_path / 'pipe.mp4')
    path = name if '://' in name else f'{tmp_path}/{name}'
    with pytest.raises(VideoError, match=re.escape(reason)) as caught:
        open_video(path)
    assert '\n' not in str(caught.value)


def test_a_name_that_is_not_utf8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b'caf\xe9 \xff.mp4')
    path.write_bytes(render_video(tmp_path / 'a.mp4', 5).read_bytes())
    assert numbers(path) == list(range(5))


def test_pictures_of_nothing_are_an_error_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(
        'video_clips.reading.pictures.PictureMaker.__call__',
        lambda maker, frame: (_ for _ in ()).throw(OSError(95, 'Operation not supported')),
    )
    with (
        open_video(render_video(tmp_path / 'a.mp4', 3)) as video,
        pytest.raises(VideoError, match='frame 1 cannot be converted to RGB: Operation not'),
    ):
        video.decode([1])


# Files of strangers


@pytest.mark.parametrize(
    ('name', 'num_frames', 'fps', 'size', 'first', 'last'),
    [
        ('avi_mpeg4_mp3.avi', 100, 25, (320, 240), 0, 4.0),
        ('avi_dropped_frames.avi', 81, 80 / 3.96, (320, 240), 0, 3.96),
        ('avi_dropped_frames_bframes.avi', 81, 80 / 3.96, (320, 240), 0, 3.96),
        ('mpeg4_aac.mp4', 50, 25, (160, 120), 0, 1.96),
        ('h264_stsd_0x0.mp4', 100, 25, (320, 240), 0, 3.96),
        ('h264_stsd_240x320.mp4', 100, 25, (320, 240), 0, 3.96),
        ('video_starts_at_2.5s.mp4', 100, 25, (320, 240), 2.5, 6.46),
        ('audio_longer.mkv', 100, 25, (320, 240), 0.023, 3.983),
        ('raw_10fps.h264', 60, 10, (320, 240), 0, 5.9),
        ('matrix_hflip.mp4', 25, 25, (320, 240), 0, 0.96),
        ('matrix_zero.mp4', 25, 25, (320, 240), 0, 0.96),
        ('pid_change.ts', 400, 25, (320, 240), 0, 15.96),
        ('vp8_altref.webm', 150, 25, (320, 240), 0, 5.96),
        ('sar_1_2_704x288.mp4', 50, 25, (352, 288), 0, 1.96),
        ('interlaced_tff.mp4', 50, 25, (320, 240), 0, 1.96),
        ('one_frame.mp4', 1, 25, (320, 240), 0, 0),
        ('hole_of_8s.mp4', 150, 25, (320, 240), 0, 13.96),
    ],
)
def test_files_with_faults(real_videos, name, num_frames, fps, size, first, last):
    with open_video(real_videos / 'faults' / name) as video:
        assert (video.num_frames, video.size) == (num_frames, size)
        assert video.fps == pytest.approx(fps, rel=1e-6)
        assert video.seconds[[0, -1]] == pytest.approx([first, last])
        assert len(video.decode([num_frames - 1, num_frames // 2])) == 2


@pytest.mark.parametrize('name', ['mpeg4_no_stss.mp4', 'vp8_altref.webm', 'h264_stsd_240x320.mp4'])
def test_their_pictures_are_those_of_a_sequential_decode(real_videos, name):
    path = real_videos / 'faults' / name
    expected = plain_decode(path, only=(6, 18, 31))
    for frame in (31, 6, 18):
        with open_video(path) as video:
            assert np.array_equal(video.decode([frame])[0], expected[frame])


def test_damaged_frames_are_counted(real_videos):
    with open_video(real_videos / 'faults' / 'damaged_10_bits.mp4') as video:
        video.decode(range(100))
        assert video.num_damaged_frames == 8
