"""Which packets a decoder may leave out: read from the bytes, proven by leaving them out."""

import av
import numpy as np
import pytest

from tests.data_analysis.rendering import render_video
from video_clips.reading.bitstreams import picture_headers
from video_clips.reading.opening import best_stream, open_container


def decode_without(path, left_out):
    """Frames by time stamp when packets at these positions are not decoded."""
    frames: dict[int | None, np.ndarray] = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for position, packet in enumerate(container.demux(stream)):
            if position not in left_out:
                frames |= {frame.pts: frame.to_ndarray(format='rgb24') for frame in packet.decode()}
    return frames


@pytest.mark.parametrize(
    ('name', 'codec', 'options', 'finds_some'),
    [
        ('lengths.mp4', 'libx264', {'bf': '3'}, True),
        ('start_codes.ts', 'libx264', {'bf': '3'}, True),
        ('sliced.mp4', 'libx264', {'bf': '3', 'slices': '4'}, True),
        ('lengths.mkv', 'libx265', {'x265-params': 'log-level=none:bframes=3'}, True),
        ('start_codes_hevc.ts', 'libx265', {'x265-params': 'log-level=none:bframes=3'}, True),
        ('no_b_frames.mp4', 'libx264', {'bf': '0'}, False),
        ('other.avi', 'mpeg4', {}, False),
    ],
)
def test_leaving_them_out_changes_no_other_frame(tmp_path, name, codec, options, finds_some):
    path = render_video(tmp_path / name, 40, codec=codec, options=options)
    with open_container(path) as container:
        stream = best_stream(container)
        read = picture_headers(stream.codec_context).read
        packets = [packet for packet in container.demux(stream) if packet.size]
        pictures = [read(memoryview(packet)) for packet in packets]
    not_needed = {i for i, picture in enumerate(pictures) if not picture.is_reference}
    assert bool(not_needed) == finds_some
    everything, rest = decode_without(path, ()), decode_without(path, not_needed)
    assert len(rest) == len(everything) - len(not_needed)
    assert all(np.array_equal(picture, everything[pts]) for pts, picture in rest.items())


def test_temporal_layers_are_told(tmp_path):
    options = {'x265-params': 'log-level=none:bframes=7:temporal-layers=3'}
    path = render_video(tmp_path / 'a.mp4', 40, codec='libx265', options=options)
    with open_container(path) as container:
        stream = best_stream(container)
        read = picture_headers(stream.codec_context).read
        layers = {read(memoryview(p)).temporal_layer for p in container.demux(stream) if p.size}
    assert layers == {0, 1, 2}


def test_damaged_packets_count_as_needed(tmp_path):
    path = render_video(tmp_path / 'a.mp4', 2)
    with open_container(path) as container:
        read = picture_headers(best_stream(container).codec_context).read
    for packet in (b'\0', b'\0\0\0\1', b'\xff' * 9, b'\0\0\0\2\x06\x05'):
        assert read(packet).is_reference
