import av
import numpy as np
import pytest

from video_clips.writing import open_writer, write_video


def pictures(num_frames, height=48, width=64):
    ramp = np.linspace(0, 200, width).astype(np.uint8)
    for index in range(num_frames):
        yield np.broadcast_to(np.roll(ramp, index)[None, :, None], (height, width, 3)).copy()


def test_frames_come_back(tmp_path):
    file = tmp_path / 'folder' / 'clip.mp4'

    assert write_video(file, pictures(20), fps=8.0) == 20

    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == 'h264'
        assert stream.average_rate == 8
        assert float(stream.duration * stream.time_base) == 2.5
        decoded = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
    assert len(decoded) == 20
    for picture, expected in zip(decoded, pictures(20), strict=True):
        assert np.abs(picture.astype(int) - expected).mean() < 4


def test_same_frames_same_bytes(tmp_path):
    for name in ('a.mp4', 'b.mp4'):
        write_video(tmp_path / name, pictures(10), fps=12.5)

    assert (tmp_path / 'a.mp4').read_bytes() == (tmp_path / 'b.mp4').read_bytes()


def test_nothing_is_left_of_a_failure(tmp_path):
    def break_off():
        yield from pictures(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / 'clip.mp4', break_off(), fps=8.0)

    assert not list(tmp_path.iterdir())


def test_an_odd_column_is_left_out(tmp_path):
    write_video(tmp_path / 'clip.mp4', pictures(2, width=63), fps=8.0)

    with av.open(str(tmp_path / 'clip.mp4')) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (62, 48)


def test_frames_keep_their_own_times(tmp_path):
    seconds = [0.0, 0.1, 0.1, 0.35, 1.5]
    with open_writer(tmp_path / 'clip.mp4', comment='of cam 1') as writer:
        for picture, moment in zip(pictures(5), seconds, strict=True):
            writer.write(picture, moment)

    with av.open(str(tmp_path / 'clip.mp4')) as container:
        assert container.metadata['comment'] == 'of cam 1'
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([0.0, 0.1, 0.35, 1.5])


def test_no_frame_is_no_video(tmp_path):
    with pytest.raises(ValueError, match='no frame'):
        write_video(tmp_path / 'clip.mp4', [], fps=8.0)

    assert not list(tmp_path.iterdir())
