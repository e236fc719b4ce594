"""A video file as a row of exact frames: how many, when, and any of them as RGB.

    with open_video('yard.mp4') as video:
        video.num_frames, video.fps, video.seconds[100]
        video.decode([0, 32, 64])               # (3, H, W, 3) uint8, upright

The largest video stream counts, cover pictures do not. Frames are numbered as they are shown, from
the first one that can be decoded; a number means the same picture however it is reached.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from video_clips.reading.decoding import decode_frames_of
from video_clips.reading.frame_index import FrameIndex, IndexCache, index_frames
from video_clips.reading.opening import VideoError
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.pictures import PictureMaker, fit_short_side, quarter_turns

__all__ = ['IndexCache', 'Video', 'VideoError', 'decode_frames', 'open_video']


class Video:
    """An open video; made by `open_video`.

    Attributes:
        path: The file.
        index: Its frames and packets.
    """

    def __init__(self, reader: PacketReader, index: FrameIndex) -> None:
        self.path = reader.path
        self.index = index
        self._reader = reader
        decoder = reader.stream.codec_context
        self._coded_size = decoder.width, decoder.height
        rate = reader.stream.average_rate or reader.stream.guessed_rate
        self._nominal_fps = float(rate) if rate else 25.0

    @property
    def num_frames(self) -> int:
        """How many frames can be decoded."""
        return len(self.index)

    @property
    def seconds(self) -> np.ndarray:
        """(N,) float64, when each frame is shown, from 0 at the first."""
        return self.index.seconds

    @property
    def fps(self) -> float:
        """Frames a second, the mean over the whole video."""
        span = float(self.seconds[-1])
        return (self.num_frames - 1) / span if span > 0 else self._nominal_fps

    @property
    def duration_seconds(self) -> float:
        """How long all frames are shown, the last as long as the mean of the others."""
        return self.num_frames / self.fps

    @cached_property
    def quarter_turns(self) -> int:
        """How many times pictures are turned left by 90 degrees to stand upright (decodes one)."""
        ((_, frame),) = decode_frames_of(self._reader, self.index, [0])
        return quarter_turns(frame)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture (decodes one frame)."""
        width, height = self._coded_size
        return (height, width) if self.quarter_turns % 2 else (width, height)

    def decode(
        self, frames: Sequence[int] | np.ndarray, short_side: int | None = None
    ) -> np.ndarray:
        """Decode frames by number.

        Args:
            frames: Frame numbers in any order, repeated or not.
            short_side: As in `pictures`.

        Returns:
            (T, H, W, 3) uint8, RGB, upright, in the order asked for.

        Raises:
            IndexError: A number is below 0 or past the last frame.
            VideoError: The decoder fails before all frames are out.
        """
        pictures = dict(self.pictures(frames, short_side))
        return np.stack([pictures[int(frame)] for frame in frames])

    def pictures(
        self, frames: Iterable[int] | np.ndarray, short_side: int | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Decode frames by number, one after the other, in memory for a few of them.

        Args:
            frames: Frame numbers.
            short_side: Scale pictures so that their shorter side has this many pixels.

        Yields:
            Number and (H, W, 3) uint8 picture, RGB and upright; each frame once, nearly in order.

        Raises:
            IndexError: A number is below 0 or past the last frame.
            VideoError: The decoder fails before all frames are out.
        """
        wanted = sorted({int(frame) for frame in frames})
        if not wanted or wanted[0] < 0 or wanted[-1] >= self.num_frames:
            raise IndexError(
                f'{self.path}: frames {wanted} are wanted, there are 0 to {self.num_frames - 1}'
            )
        make_picture = PictureMaker(*fit_short_side(*self._coded_size, short_side))
        for number, frame in decode_frames_of(self._reader, self.index, wanted):
            yield number, make_picture(frame)

    def close(self) -> None:
        """Close the file; decoding again opens it again."""
        self._reader.close()

    def __enter__(self) -> 'Video':
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple:
        """An open file does not travel to another process; it is opened again there."""
        reader = self._reader
        return open_video, (self.path, reader.num_threads, False, None, reader.skip_loop_filter)


def open_video(
    path: str | Path,
    num_threads: int = 1,
    allow_truncated: bool = False,
    cache: IndexCache | None = None,
    skip_loop_filter: bool = False,
) -> Video:
    """Open a video file and find its frames.

    Args:
        path: The file.
        num_threads: Threads of the decoder; 0 lets it choose.
        allow_truncated: Take what is there of a file whose end is missing.
        cache: Indices of files that were opened before, for one who opens them again and again.
        skip_loop_filter: Leave out the codec's smoothing of block edges, which is faster and
            changes the pictures.

    Raises:
        VideoError: The file is missing, empty, truncated, no video, or without a video stream.
    """
    reader = PacketReader(path, num_threads, skip_loop_filter)
    try:
        index = index_frames(reader) if cache is None else cache.index_frames(reader)
        table = index.packets
        if not table.is_complete and not allow_truncated:
            reason = 'its last frame is cut off'
            if len(table) < table.num_promised:
                reason = f'its header promises {table.num_promised} frames, it holds {len(table)}'
            raise VideoError(path, f'truncated: {reason}')
        return Video(reader, index)
    except VideoError:
        reader.close()
        raise


def decode_frames(
    path: str | Path,
    frames: Sequence[int] | np.ndarray,
    short_side: int | None = None,
    num_threads: int = 1,
) -> np.ndarray:
    """Open a video and decode frames by number; see `Video.decode`."""
    with open_video(path, num_threads) as video:
        return video.decode(frames, short_side)
