"""Whether a file is complete, by the bytes or frames that its header promises."""

from pathlib import Path

import numpy as np
import pytest

from tests.data_analysis.rendering import (
    render_video,
)
from video_clips.reading.opening import VideoError
from video_clips.reading.promised_bytes import num_missing_bytes
from video_clips.reading.video import open_video


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
