"""Example clips, as videos and as folders of images; and one thread for models this small."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from tests.configs.shrinking import NUM_EXAMPLES

NUM_FRAMES = 24


@pytest.fixture(scope='module', autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine, threads that wait for each other take a hundred times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope='session')
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``clips.txt`` (videos) and ``frames.txt`` (folders of images)."""
    folder = tmp_path_factory.mktemp('examples')
    noise = np.random.default_rng(0)
    clips, frames = [], []
    for index in range(NUM_EXAMPLES):
        pictures = noise.integers(0, 255, (NUM_FRAMES, 48, 64, 3), dtype=np.uint8)
        _write_video(folder / f'clip {index}.mp4', pictures)
        images = folder / f'clip_{index}'
        images.mkdir()
        for number, picture in enumerate(pictures, start=1):
            cv2.imwrite(str(images / f'img_{number:05}.jpg'), picture)
        clips.append(f'clip {index}.mp4 {index}')
        frames.append(f'clip_{index} {NUM_FRAMES} {index}')
    (folder / 'clips.txt').write_text('\n'.join(clips))
    (folder / 'frames.txt').write_text('\n'.join(frames))
    return folder


def _write_video(path: Path, pictures: np.ndarray) -> None:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('h264', rate=25)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        container.mux(stream.encode())
