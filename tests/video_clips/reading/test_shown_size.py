"""The size and direction in which pictures are shown, where the container is wrong or says more."""

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
from video_clips.reading.video import open_video


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
