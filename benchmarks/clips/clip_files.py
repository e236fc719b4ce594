"""Video files to measure with, where there are no real ones."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FPS = 25


def render_camera_video(
    file: Path, size: tuple[int, int], *, seconds: float = 10.0, b_frames: int = 2
) -> Path:
    """Write what costs as much to decode as a camera's picture: a still scene, noise, motion.

    H.264 with a keyframe every ten seconds, as recorders write.

    Args:
        file: The mp4 to write.
        size: Width and height.
        seconds: How long.
        b_frames: B-frames in a row; 0 as many cameras write, so that all frames are needed.
    """
    rng = np.random.default_rng(0)
    width, height = size
    scene = cv2.GaussianBlur(rng.integers(40, 200, (height, width, 3)).astype(np.uint8), (0, 0), 2)
    noise = rng.normal(0, 3, (height + 64, width + 64, 1)).astype(np.int16)
    with av.open(str(file), 'w') as container:
        stream = container.add_stream('libx264', rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.options = {
            'preset': 'veryfast',
            'crf': '26',
            'g': str(10 * FPS),
            'bf': str(b_frames),
        }
        stream.codec_context.time_base = Fraction(1, FPS)
        for number in range(round(seconds * FPS)):
            down, right = rng.integers(0, 64, 2)
            picture = scene + noise[down : down + height, right : right + width]
            for thing in range(3):
                x = number * (thing + 1) * width // 160 % width
                y = int(height * (0.3 + 0.2 * thing))
                corner = (x + width // 10, y + height // 6)
                cv2.rectangle(picture, (x, y), corner, (200, 90 * thing, 40), -1)
            frame = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), 'rgb24')
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


def concatenate(file: Path, target: Path, times: int) -> Path:
    """Write a video over and over into one file, without coding it again."""
    with av.open(str(target), 'w') as output:
        stream = None
        offset = 0
        for _ in range(times):
            with av.open(str(file)) as source:
                video = source.streams.video[0]
                stream = stream or output.add_stream_from_template(video)
                length = round(video.frames / (FPS * video.time_base))
                for packet in source.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    output.mux(packet)
                offset += length
    return target
