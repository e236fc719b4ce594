"""Tiny videos whose every frame shows its own number, and a plain reader to compare with."""

from collections.abc import Container, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

BITS = 8
SIZE = (64, 48)  # width, height


def picture_of(number: int, width: int = SIZE[0], height: int = SIZE[1]) -> np.ndarray:
    """A picture with the number's bits as eight upright stripes, the highest at the left."""
    bits = [(number >> bit) & 1 for bit in reversed(range(BITS))]
    stripes = np.repeat(np.array(bits, np.uint8) * 200 + 25, -(-width // BITS))[:width]
    return np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (height, width, 3)))


def number_in(picture: np.ndarray) -> int:
    """The number that an upright picture shows, lossy codecs or not."""
    width = picture.shape[1]
    stripes = [picture[:, int((i + 0.5) * width / BITS)].mean() > 125 for i in range(BITS)]
    return int(
        sum(1 << bit for bit, lit in zip(reversed(range(BITS)), stripes, strict=True) if lit)
    )


def render_video(
    path: Path,
    num_frames: int,
    *,
    fps: int = 10,
    codec: str = 'libx264',
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    size: tuple[int, int] = SIZE,
    rotation: float | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video with frames 0, 1, 2, ...

    Args:
        path: The file; its suffix decides the container.
        num_frames: How many frames.
        fps: Frames a second.
        codec: Encoder.
        options: Its options.
        ticks: When each frame is shown, in thousandths of a second, in place of ``fps``.
        size: Width and height.
        rotation: Degrees to the left that a player has to turn it.
        container_options: The muxer's options.
    """
    with av.open(str(path), 'w', options=container_options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=fps, options=options or {}))
        stream.width, stream.height = size
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if ticks is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(picture_of(number, *size), 'rgb24')
            frame.pts = number if ticks is None else ticks[number]
            frame.time_base = Fraction(1, fps) if ticks is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def plain_decode(path: Path, only: Container[int] | None = None) -> list[np.ndarray]:
    """All frames of the largest video stream as a plain loop reads them: the oracle.

    Args:
        path: The file.
        only: Numbers of the frames to make pictures of; the others are empty.
    """
    with av.open(f'file:{path}', metadata_errors='replace') as container:
        stream = max(
            container.streams.video, key=lambda s: s.codec_context.width * s.codec_context.height
        )
        stream.codec_context.thread_count = 1
        return [
            np.rot90(frame.to_ndarray(format='rgb24'), round(frame.rotation / 90))
            if only is None or number in only
            else np.empty(0)
            for number, frame in enumerate(container.decode(stream))
        ]
