"""Writes frames to an H.264 mp4 file that is complete or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An RGB picture (H, W, 3)."""

KEYFRAME_SECONDS = 1.0
QUALITY_CRF = 26


def write_video(file: Path, frames: Iterable[Image], fps: float) -> int:
    """Encode `frames` to `file`; the same frames give the same bytes.

    Args:
        file: The mp4 file to make or replace; its folder is made if it is missing.
        frames: RGB pictures (H, W, 3) of one size with even sides.
        fps: Frames a second.

    Returns:
        How many frames were written.

    Raises:
        ValueError: There is no frame, or its sides are odd.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f'.{file.name}.{os.getpid()}.partial')
    try:
        num_frames = _encode(partial, frames, Fraction(fps).limit_denominator(1001))
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    return num_frames


def _encode(file: Path, frames: Iterable[Image], rate: Fraction) -> int:
    num_frames = 0
    with av.open(str(file), 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=rate)
        stream.pix_fmt = 'yuv420p'
        stream.gop_size = max(round(rate * KEYFRAME_SECONDS), 1)
        # One thread: workers share the cores already, and the bytes do not depend on their number.
        stream.thread_count = 1
        stream.options = {'crf': str(QUALITY_CRF), 'preset': 'superfast'}
        for picture in frames:
            if num_frames == 0:
                stream.height, stream.width = picture.shape[:2]
                if stream.height % 2 or stream.width % 2:
                    raise ValueError(
                        f'{file.name}: H.264 needs even sides, got {stream.width}x{stream.height}'
                    )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
            num_frames += 1
        if num_frames == 0:
            raise ValueError(f'{file.name}: there is no frame to write')
        container.mux(stream.encode(None))
    return num_frames
