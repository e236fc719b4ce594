import av
import numpy as np
import pytest

from video_clips.writing import write_video


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


@pytest.mark.parametrize(
    ('frames', 'message'),
    [(list(pictures(2, width=63)), 'even sides, got 63x48'), ([], 'no frame')],
)
def test_what_cannot_be_written_says_so(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / 'clip.mp4', frames, fps=8.0)

    assert not list(tmp_path.iterdir())
