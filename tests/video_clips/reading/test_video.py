"""Videos as rows of exact frames, and one clear sentence for every file that is none."""

import csv
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.data_analysis.rendering import number_in, plain_decode, render_video
from video_clips.reading.opening import read_head
from video_clips.reading.video import IndexCache, VideoError, decode_frames, open_video

# The table in the folder of videos describes the first video stream; here the largest counts.
LARGEST_STREAM_FRAMES = {'odd/nasa_13013.mp4': 390}
DAMAGED = {'odd/corrupted.mp4', 'odd/result.webm'}


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.mp4', {}),
        ('a.mov', {'options': {'bf': '3', 'x264-params': 'open-gop=1:b-pyramid=normal'}}),
        ('no_frame_count.mkv', {'options': {'g': '10', 'bf': '2'}}),
        ('no_presentation_times.avi', {'codec': 'mpeg4', 'options': {'bf': '2'}}),
        ('no_times_at_all.h264', {}),
        ('program_stream.mpg', {'codec': 'mpeg2video', 'fps': 25}),
        ('transport_stream.ts', {'options': {'g': '10'}}),
        ('a.webm', {'codec': 'libvpx-vp9', 'options': {'deadline': 'realtime'}}),
        ('a.avi', {'codec': 'mjpeg'}),
    ],
)
def test_every_frame_is_the_one_of_that_number(tmp_path, name, options):
    path = render_video(tmp_path / name, 25, **options)
    with open_video(path) as video:
        assert video.num_frames == 25
        assert [number_in(picture) for picture in video.decode(range(25))] == list(range(25))
        order = [24, 0, 13, 13, 7]
        assert [number_in(picture) for picture in video.decode(order)] == order
        assert video.fps == pytest.approx(options.get('fps', 10))
        assert video.duration_seconds == pytest.approx(25 / video.fps)
        np.testing.assert_allclose(video.seconds, np.arange(25) / video.fps, atol=1e-3)


def test_seconds_follow_a_variable_rate(tmp_path):
    ticks = [500, 600, 650, 1400, 1500, 2500]
    with open_video(render_video(tmp_path / 'a.mkv', 6, ticks=ticks)) as video:
        np.testing.assert_allclose(video.seconds, [0, 0.1, 0.15, 0.9, 1.0, 2.0])
        assert video.fps == pytest.approx(5 / 2)


@pytest.mark.parametrize(('rotation', 'turns'), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotation_is_applied(tmp_path, rotation, turns):
    upright = decode_frames(render_video(tmp_path / 'a.mp4', 3), [2])[0]
    with open_video(render_video(tmp_path / 'b.mp4', 3, rotation=rotation)) as video:
        assert video.size == ((48, 64) if turns % 2 else (64, 48))
        assert np.array_equal(video.decode([2])[0], np.rot90(upright, turns))


def test_largest_stream_counts(tmp_path):
    path = tmp_path / 'two.mkv'
    with av.open(str(path), 'w') as container:
        streams = [container.add_stream('libx264', rate=10) for _ in range(2)]
        for stream, width in zip(streams, (32, 96), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, 48, 'yuv420p'
        for stream, num_frames in zip(streams, (3, 4), strict=True):
            for number in range(num_frames):
                picture = np.full((48, stream.width, 3), 40 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, 'rgb24')
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert decode_frames(path, [3]).shape == (1, 48, 96, 3)


@pytest.mark.parametrize(
    ('short_side', 'shape'), [(None, (48, 64)), (24, (24, 32)), (96, (96, 128))]
)
def test_short_side(tmp_path, short_side, shape):
    pictures = decode_frames(render_video(tmp_path / 'a.mp4', 9), [8, 5], short_side)
    assert pictures.shape == (2, *shape, 3)
    assert [number_in(picture) for picture in pictures] == [8, 5]


def test_threads_change_nothing(tmp_path):
    path = render_video(tmp_path / 'a.mp4', 25)
    frames = [3, 20]
    assert np.array_equal(decode_frames(path, frames), decode_frames(path, frames, num_threads=3))


def test_a_video_travels_to_another_process_as_its_path(tmp_path):
    with open_video(render_video(tmp_path / 'a.mp4', 9)) as video:
        video.decode([1])
        with pickle.loads(pickle.dumps(video)) as copy:
            assert number_in(copy.decode([7])[0]) == 7


def test_decoding_after_closing_opens_the_file_again(tmp_path):
    video = open_video(render_video(tmp_path / 'a.mp4', 9))
    video.close()
    assert number_in(video.decode([7])[0]) == 7
    video.close()


@pytest.mark.parametrize('frames', [[], [-1], [0, 9]])
def test_frames_that_do_not_exist(tmp_path, frames):
    with (
        open_video(render_video(tmp_path / 'a.mp4', 9)) as video,
        pytest.raises(IndexError, match='there are 0 to 8'),
    ):
        video.decode(frames)


def cut_off(path: Path) -> None:
    """Keep 70 % of the frames' data."""
    data = path.read_bytes()
    start = data.index(b'mdat') + 4
    size = int.from_bytes(data[start - 8 : start - 4], 'big') - 8
    path.write_bytes(data[: start + int(0.7 * size)])


def make_truncated(path: Path) -> None:
    render_video(path, 25, container_options={'movflags': 'faststart'})
    cut_off(path)


def make_truncated_without_header(path: Path) -> None:
    render_video(path, 25)
    cut_off(path)


def make_cut_off_in_a_frame(path: Path) -> None:
    render_video(path.with_suffix('.flv'), 25, options={'bf': '0'})
    path.write_bytes(path.with_suffix('.flv').read_bytes()[:-40])


def make_sound_only(path: Path) -> None:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda path: None, 'no such file'),
        (lambda path: path.mkdir(), 'is a folder'),
        (lambda path: path.touch(), 'the file is empty'),
        (lambda path: path.write_text('no video'), 'cannot be opened as a video: Invalid data'),
        (make_sound_only, 'has no video stream (found: audio)'),
        (make_truncated, 'truncated: its header promises 25 frames, it holds'),
        (make_cut_off_in_a_frame, 'truncated: its last frame is cut off'),
        (make_truncated_without_header, 'cannot be opened as a video: Invalid data'),
    ],
)
def test_reasons(tmp_path, make: Callable[[Path], None], reason):
    path = tmp_path / 'clip 1.mp4'
    make(path)
    with pytest.raises(VideoError, match=re.escape(f'{path}: {reason}')) as caught:
        open_video(path)
    assert caught.value.path == str(path)
    # A loader's worker sends the error to the main process.
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_truncated_file_gives_what_it_has_if_asked(tmp_path):
    make_truncated(tmp_path / 'a.mp4')
    with open_video(tmp_path / 'a.mp4', allow_truncated=True) as video:
        assert 0 < video.num_frames < 25
        assert number_in(video.decode([5])[0]) == 5


def test_damage_in_the_middle_is_named_and_what_comes_before_it_is_read(tmp_path):
    path = render_video(tmp_path / 'a.mp4', 30, options={'bf': '0', 'g': '30'})
    with open_video(path) as video:
        sizes = video.index.packets.sizes
    data = bytearray(path.read_bytes())
    start = data.index(b'mdat') + 4 + int(sizes[:15].sum())
    data[start : start + 4] = b'\xff' * 4  # the length of frame 15's first unit
    path.write_bytes(data)
    with open_video(path) as video:
        assert [number_in(picture) for picture in video.decode([14, 3])] == [14, 3]
        message = re.escape(f'{path}: decoding fails after 15 of 30 frames: Invalid data')
        with pytest.raises(VideoError, match=message):
            video.decode([14, 15])


def test_cache_remembers_files_until_they_change(tmp_path, monkeypatch):
    cache = IndexCache(most_packets=30)
    paths = [render_video(tmp_path / f'{n}.mp4', n) for n in (10, 20)]

    def remembered(path):
        with open_video(path, cache=cache) as first, open_video(path, cache=cache) as second:
            assert number_in(second.decode([9])[0]) == 9
            return first.index is second.index

    assert all(map(remembered, paths))
    with open_video(paths[0], cache=cache) as before:
        render_video(paths[0], 11)
        with open_video(paths[0], cache=cache) as after:
            assert (before.num_frames, after.num_frames) == (10, 11)
    # 10 + 20 + 11 packets are more than 30: the oldest went.
    with open_video(paths[1], cache=cache) as video:
        index = video.index
    assert remembered(paths[0])
    assert sum(len(index.packets) for index in cache._indices.values()) <= 30
    assert len(index.packets) == 20


def test_every_readable_odd_file_decodes_exactly(real_videos):
    with (real_videos / 'files.csv').open(encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 30
    for row in rows:
        name, path = row['file'], real_videos / row['file']
        if name in DAMAGED or not name.startswith('odd/'):
            continue
        num_frames = LARGEST_STREAM_FRAMES.get(name, int(row['decoded_frames']))
        frames = [num_frames - 1, 0, num_frames // 3, num_frames // 2]
        expected = plain_decode(path, only=frames)
        assert len(expected) == num_frames, name
        with open_video(path) as video:
            assert video.num_frames == num_frames, name
            for frame, picture in zip(frames, video.decode(frames), strict=True):
                assert np.array_equal(picture, expected[frame]), (name, frame)


def test_damaged_odd_files_say_what_is_wrong(real_videos):
    with pytest.raises(VideoError, match=r'result\.webm: the file is empty'):
        open_video(real_videos / 'odd/result.webm')
    with open_video(real_videos / 'odd/corrupted.mp4') as video:
        assert len(video.decode(range(25))) == 25
        with pytest.raises(VideoError, match='decoding fails after 28 of 50 frames: Invalid data'):
            video.decode([40])


def test_frame_counts_of_railway_clips(real_videos):
    with (real_videos / 'railway4/clips.csv').open(encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))[::7]
    for row in rows:
        with open_video(real_videos / 'railway4' / row['filename']) as video:
            assert video.num_frames == int(row['num_frames']), row['filename']


def test_long_files(real_videos):
    """Dense keyframes: any frame without decoding what comes before it."""
    path = real_videos / 'long/one-by-one-person-detection.mp4'
    expected = {}
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in (0, 333, 400):
                expected[number] = frame.to_ndarray(format='rgb24')
            if number == 400:
                break
    with open_video(path) as video:
        assert video.num_frames == 1394
        for number, picture in video.pictures(expected):
            assert np.array_equal(picture, expected[number])


def test_a_pipe_and_a_folder_are_called_by_what_they_are(tmp_path):
    os.mkfifo(tmp_path / 'pipe.mp4')
    (tmp_path / 'folder.mp4').mkdir()
    for name, reason in (('pipe.mp4', 'is not a regular file'), ('folder.mp4', 'is a folder')):
        with pytest.raises(VideoError) as caught:
            read_head(str(tmp_path / name))
        assert caught.value.reason == reason
