"""A video file as a row of exact frames: their number, times, and any of them as RGB.

    with open_video('yard.mp4') as video:
        video.num_frames, video.fps, video.seconds[100]
        video.decode([0, 32, 64])               # (3, H, W, 3) uint8, upright

The largest video stream counts, cover pictures do not. Frames are numbered as they are shown, from
the first one that can be decoded; a number means the same picture however it is reached. Times are
those of a player's clock. Pictures have the size of the stream, whatever the header says.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from video_clips.reading.decoding import decode_frames_of
from video_clips.reading.frame_index import FrameIndex, IndexCache, index_frames
from video_clips.reading.opening import VideoError, why
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.pictures import (
    PictureMaker,
    SquarePixels,
    check_square_pixels,
    fit_short_side,
    orientation,
)

__all__ = ['IndexCache', 'Video', 'VideoError', 'decode_frames', 'open_video']


class Video:
    """An open video; made by `open_video`.

    Attributes:
        path: The file.
        index: Its frames and packets.
        num_damaged_frames: Frames decoded so far that the decoder has marked as damaged.
    """

    def __init__(
        self, reader: PacketReader, index: FrameIndex, square_pixels: SquarePixels = 'gross'
    ) -> None:
        self.path = reader.path
        self.index = index
        self.num_damaged_frames = 0
        self._reader = reader
        self._square_pixels = square_pixels

    @property
    def num_frames(self) -> int:
        """Number of frames that can be decoded."""
        return len(self.index)

    @property
    def seconds(self) -> np.ndarray:
        """(N,) float64, when a player shows each frame; above 0 at the first if sound precedes."""
        return self.index.seconds

    @property
    def fps(self) -> float:
        """Frames per second, see `FrameIndex.fps`."""
        return self.index.fps

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last."""
        return self.index.duration_seconds

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture (decodes one frame)."""
        width, height = self._shown_size
        return (height, width) if orientation(self._first_frame).is_transposed else (width, height)

    @cached_property
    def _first_frame(self) -> VideoFrame:
        """The first frame, decoded in a reader of its own: this one may be in the middle."""
        reader = PacketReader(self.path)
        try:
            ((_, frame),) = decode_frames_of(reader, self.index, [0])
        finally:
            reader.close()
        return frame

    @cached_property
    def _shown_size(self) -> tuple[int, int]:
        """Width and height of pictures before they are turned, by the first frame."""
        return self._size_of(self._first_frame)

    def _size_of(self, frame: VideoFrame) -> tuple[int, int]:
        reader = self._reader
        maker = PictureMaker.of_stream(
            reader.stream, reader.header_size, frame, self._square_pixels
        )
        return maker.width, maker.height

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
        make_picture: PictureMaker | None = None
        for number, frame in decode_frames_of(self._reader, self.index, wanted):
            if make_picture is None:
                # A frame that has the header's size needs no look at the first one.
                agrees = (frame.width, frame.height) == self._reader.header_size
                size = self._size_of(frame) if agrees else self._shown_size
                make_picture = PictureMaker(*fit_short_side(*size, short_side))
            self.num_damaged_frames += frame.is_corrupt
            try:
                picture = make_picture(frame)
            except (av.FFmpegError, OSError) as error:
                reason = f'frame {number} cannot be converted to RGB: {why(error)}'
                raise VideoError(self.path, reason) from error
            yield number, picture

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
        return open_video, (
            self.path,
            reader.num_threads,
            False,
            None,
            reader.skip_loop_filter,
            self._square_pixels,
        )


def open_video(
    path: str | Path,
    num_threads: int = 1,
    allow_truncated: bool = False,
    cache: IndexCache | None = None,
    skip_loop_filter: bool = False,
    square_pixels: SquarePixels = 'gross',
) -> Video:
    """Open a video file and find its frames.

    Args:
        path: The file.
        num_threads: Threads of the decoder; 0 lets it choose.
        allow_truncated: Take what is there of a file whose end is missing.
        cache: Indices of files that were opened before, for one who opens them again and again.
        skip_loop_filter: Leave out the codec's smoothing of block edges, which is faster and
            changes the pictures.
        square_pixels: Which pictures to scale to the shape that a player shows, see
            `PictureMaker.of_stream`: ``gross``, ``all`` or ``never``.

    Raises:
        VideoError: The file is missing, empty, truncated, no video, or without a video stream.
    """
    check_square_pixels(square_pixels)
    reader = PacketReader(path, num_threads, skip_loop_filter)
    try:
        index = index_frames(reader) if cache is None else cache.index_frames(reader)
        if index.packets.truncation and not allow_truncated:
            raise VideoError(path, f'truncated: {index.packets.truncation}')
        return Video(reader, index, square_pixels)
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
