"""Files that are damaged on purpose, and the numbers of the frames that are read of them."""

from pathlib import Path

from tests.data_analysis.rendering import number_in
from video_clips.reading.video import open_video


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
