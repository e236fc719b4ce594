"""The writer of H.264 mp4 files: frames at their own times, complete or not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from video_clips.whole_files import written_beside

Image = NDArray[np.uint8]
"""An RGB picture (H, W, 3)."""


@dataclass(frozen=True)
class Encoding:
    """How frames are compressed.

    Attributes:
        crf: Quality, from 0 (exact) to 51.
        preset: x264's trade of time for bytes.
        keyframe_interval: Most frames from one keyframe to the next.
        rate: Frames per second, as the header says.
        time_base: Seconds of one tick; frames that begin in the same tick are left out.
        num_threads: 0 lets the encoder choose; with 1 the bytes are the same everywhere.
        options: More options of x264.
        container_options: Options of the mp4 muxer.
    """

    crf: int = 23
    preset: str = 'veryfast'
    keyframe_interval: int = 50
    rate: Fraction = Fraction(25)
    time_base: Fraction = Fraction(1, 1000)
    num_threads: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


# The index stands in front, so that a page can play the file while it arrives.
FOR_PAGES = Encoding(container_options={'movflags': 'faststart'})


class VideoWriter:
    """An open video; made by `open_writer`.

    Args:
        container: Open for writing.
        encoding: How to compress.
    """

    def __init__(self, container: OutputContainer, encoding: Encoding) -> None:
        self._container = container
        self._encoding = encoding
        self._stream: VideoStream | None = None
        self._last_stamp = -1

    def write(self, picture: Image, seconds: float) -> None:
        """Append a frame.

        Args:
            picture: (H, W, 3) uint8 RGB, all of one size; an odd row or column is left out.
            seconds: When it is shown; later than the one before, or else it is left out.
        """
        # Colours are stored for every second row and column.
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        if self._stream is None:
            self._stream = self._add_stream(width, height)
        time_base = self._encoding.time_base
        stamp = round(seconds / time_base)
        if stamp <= self._last_stamp:
            return
        self._last_stamp = stamp
        frame = VideoFrame.from_ndarray(
            np.ascontiguousarray(picture[:height, :width]), format='rgb24'
        )
        frame.pts, frame.time_base = stamp, time_base
        self._container.mux(self._stream.encode(frame))

    def _add_stream(self, width: int, height: int) -> VideoStream:
        encoding = self._encoding
        stream = self._container.add_stream('libx264', rate=encoding.rate)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.thread_count = encoding.num_threads
        stream.options = {
            'preset': encoding.preset,
            'crf': str(encoding.crf),
            'g': str(encoding.keyframe_interval),
            **encoding.options,
        }
        stream.time_base = stream.codec_context.time_base = encoding.time_base
        return stream

    def finish(self) -> None:
        """Write what the encoder has kept back."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))


@contextmanager
def open_writer(
    file: Path, encoding: Encoding = FOR_PAGES, comment: str | None = None
) -> Iterator[VideoWriter]:
    """Open a video for writing that takes its name only if the block ends without an error.

    Args:
        file: The mp4 file to make or replace; its folder is made if it is missing.
        encoding: How to compress.
        comment: Text for the container's metadata.
    """
    options = dict(encoding.container_options)
    with (
        written_beside(file) as partial,
        av.open(str(partial), 'w', format='mp4', options=options) as container,
    ):
        if comment is not None:
            container.metadata['comment'] = comment
        writer = VideoWriter(container, encoding)
        yield writer
        writer.finish()


def write_video(file: Path, frames: Iterable[Image], fps: float, tune: str | None = None) -> int:
    """Encode frames at a constant rate; the same frames give the same bytes.

    Args:
        file: The mp4 file to make or replace; its folder is made if it is missing.
        frames: RGB pictures (H, W, 3) of one size; an odd row or column is left out.
        fps: Frames per second.
        tune: What x264 is tuned for; ``fastdecode`` for what is read many times.

    Returns:
        The number of frames written.

    Raises:
        ValueError: There is no frame.
    """
    rate = Fraction(fps).limit_denominator(1001)
    encoding = Encoding(
        crf=26,
        preset='superfast',
        keyframe_interval=max(round(rate), 1),
        rate=rate,
        time_base=1 / rate,
        num_threads=1,
        options={} if tune is None else {'tune': tune},
    )
    num_frames = 0
    with open_writer(file, encoding) as writer:
        for num_frames, picture in enumerate(frames, start=1):
            writer.write(picture, float((num_frames - 1) / rate))
        if num_frames == 0:
            raise ValueError(f'{file.name}: there is no frame to write')
    return num_frames
