"""Small videos with faults, made to measure."""

from pathlib import Path

import av
import numpy as np

from tests.data_analysis.rendering import SIZE, picture_of, render_video


def render_pictures(path: Path, pictures: list[np.ndarray], fps: int = 10, crf: int = 10) -> Path:
    """A video of these (height, width, 3) pictures, by default coded well enough to tell apart."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=fps, options={'crf': str(crf)})
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, 'rgb24')))
        container.mux(stream.encode(None))
    return path


def textured(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A blotchy picture, different for each seed."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return np.kron(small, np.ones((size[1] // 6, size[0] // 8, 1), np.uint8)).astype(np.uint8)


def render_truncated(path: Path) -> Path:
    """An mp4 whose header comes first and whose end is missing."""
    whole = render_video(
        path.with_name(f'whole_{path.name}'),
        60,
        options={'g': '10', 'crf': '5', 'sc_threshold': '0'},
        container_options={'movflags': 'faststart'},
    )
    path.write_bytes(whole.read_bytes()[: int(0.7 * whole.stat().st_size)])
    whole.unlink()
    return path


def render_corrupt(path: Path) -> Path:
    """An mp4 with noise in the middle of its pictures."""
    render_pictures(path, [textured(number) for number in range(40)])
    content = bytearray(path.read_bytes())
    start = content.index(b'mdat') + 4
    middle = start + len(content[start:]) // 3
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path.write_bytes(bytes(content))
    return path


def render_cut_between_keyframes(path: Path, skip: int = 4) -> Path:
    """A transport stream whose first packets, the keyframe among them, are gone."""
    whole = render_video(
        path.with_suffix('.mkv'), 30, options={'g': '10', 'bf': '0', 'sc_threshold': '0'}
    )
    with av.open(str(whole)) as source, av.open(str(path), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None and number >= skip:
                packet.stream = stream
                target.mux(packet)
    whole.unlink()
    return path


def render_sound_only(path: Path) -> Path:
    """A file with an audio stream and nothing to see."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        stream.layout = 'mono'
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def render_numbered(folder: Path, name: str, first: int, num_frames: int = 12) -> Path:
    """A clip whose pictures start at a number, so that clips differ."""
    pictures = [picture_of((first + number) % 256) for number in range(num_frames)]
    return render_pictures(folder / name, pictures)
