"""Writing H.264 video whose frames keep their own times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from video_clips.whole_files import written_beside

_TIME_BASE = Fraction(1, 1000)


class VideoOutput:
    """An H.264 mp4 that every browser plays.

    Args:
        container: Open for writing.
    """

    def __init__(self, container: OutputContainer) -> None:
        self._container = container
        self._stream: VideoStream | None = None
        self._last_stamp = -1

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """Append a frame.

        Args:
            picture: (H, W, 3) uint8 RGB, all of one size; an odd row or column is left out.
            seconds: When it is shown; later than the one before, or else it is left out.
        """
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        if self._stream is None:
            self._stream = self._add_stream(width, height)
        stamp = round(seconds / _TIME_BASE)
        if stamp <= self._last_stamp:
            return
        self._last_stamp = stamp
        frame = VideoFrame.from_ndarray(
            np.ascontiguousarray(picture[:height, :width]), format='rgb24'
        )
        frame.pts, frame.time_base = stamp, _TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def _add_stream(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream('libx264', rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = 'yuv420p'
        stream.options = {'preset': 'veryfast', 'crf': '23', 'g': '50'}
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        return stream

    def finish(self) -> None:
        """Write what the encoder has kept back."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))


@contextmanager
def write_video(file: Path) -> Iterator[VideoOutput]:
    """Open a video for writing that takes its name only if the block ends without an error."""
    # The index stands in front, so that a page can play the file while it arrives.
    options = {'movflags': 'faststart'}
    with written_beside(file) as partial, av.open(str(partial), 'w', options=options) as container:
        output = VideoOutput(container)
        yield output
        output.finish()
