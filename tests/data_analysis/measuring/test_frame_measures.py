"""Sharpness falls with blur, and hardly with the size or the light of a picture."""

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from data_analysis.measuring.file_measurement import Tier
from data_analysis.measuring.measure_file import measure_file


def sharpness_of(path, size=(640, 480), blur=0.0, light=1.0):
    """Of a video of a board of rectangles."""
    random = np.random.default_rng(0)
    board = random.integers(0, 256, (24, 32, 3), np.uint8)
    picture = Image.fromarray(board).resize((640, 480), Image.Resampling.NEAREST)
    picture = picture.filter(ImageFilter.GaussianBlur(blur)).resize(size)
    pixels = (np.asarray(picture) * light).astype(np.uint8)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options={'crf': '12'})
        stream.width, stream.height = size
        stream.pix_fmt = 'yuv420p'
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, 'rgb24')))
        container.mux(stream.encode(None))
    return measure_file((str(path), Tier.PACKETS))['sharpness']


def test_blur_size_and_light(tmp_path):
    path = tmp_path / 'a.mp4'
    sharp = sharpness_of(path)
    assert sharpness_of(path, blur=4.0) < sharp / 2
    assert sharpness_of(path, blur=16.0) < sharp / 5
    assert sharpness_of(path, size=(1280, 960)) == pytest.approx(sharp, rel=0.15)
    assert sharpness_of(path, light=0.5) == pytest.approx(sharp, rel=0.15)


def test_a_picture_of_one_colour_has_none(tmp_path):
    assert sharpness_of(tmp_path / 'a.mp4', light=0.0) == 0.0
