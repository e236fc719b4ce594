"""Files made here that readers get wrong, each with its right frames, times or error."""

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
from tests.video_clips.reading.damage import numbers, patch
from tests.video_clips.reading.field_coded import render_fields
from video_clips.reading import packet_reader
from video_clips.reading.opening import VideoError, open_container
from video_clips.reading.video import open_video

NO_B_FRAMES = {'bf': '0', 'g': '10', 'sc_threshold': '0'}


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
