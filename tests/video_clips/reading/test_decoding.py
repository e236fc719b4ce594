"""The plan: as little as possible is decoded, and it equals decoding everything."""

import itertools

import av
import numpy as np
import pytest

from tests.data_analysis.rendering import number_in, plain_decode, render_video
from video_clips.reading import decoding, packet_reader
from video_clips.reading.decoding import Run, plan_runs
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.video import open_video

STREAMS: dict[str, dict] = {
    'h264.mp4': {'options': {'g': '12', 'bf': '3'}},
    'open_gop.mp4': {'options': {'g': '10', 'x264-params': 'open-gop=1:b-pyramid=normal'}},
    'intra_refresh.mp4': {'options': {'x264-params': 'intra-refresh=1:keyint=10'}},
    'h264.mkv': {'options': {'g': '10', 'bf': '2'}},
    'h264.ts': {'options': {'g': '10', 'bf': '2'}},
    'hevc.mp4': {
        'codec': 'libx265',
        'options': {'x265-params': 'log-level=none:keyint=10:bframes=3:open-gop=1'},
    },
    'layers.mp4': {
        'codec': 'libx265',
        'options': {'x265-params': 'log-level=none:keyint=10:bframes=7:temporal-layers=3'},
    },
    'vp9.webm': {'codec': 'libvpx-vp9', 'options': {'deadline': 'realtime', 'g': '12'}},
    'mpeg4.mp4': {'codec': 'mpeg4', 'options': {'bf': '2', 'g': '10'}},
    'mpeg2.mpg': {'codec': 'mpeg2video', 'options': {'bf': '2', 'g': '10'}, 'fps': 25},
}


@pytest.mark.parametrize('keeps_packets', [True, False])
@pytest.mark.parametrize('name', STREAMS)
def test_any_frames_equal_a_plain_decode(tmp_path, monkeypatch, name, keeps_packets):
    if not keeps_packets:
        monkeypatch.setattr(packet_reader, '_MOST_BYTES_KEPT', 0)
    path = render_video(tmp_path / name, 60, **STREAMS[name])
    expected = plain_decode(path)
    rng = np.random.default_rng(0)
    with open_video(path) as video:
        assert video.num_frames == len(expected) == 60
        for _ in range(20):
            frames = rng.integers(0, 60, rng.integers(1, 6)).tolist()
            for frame, picture in zip(frames, video.decode(frames), strict=True):
                assert np.array_equal(picture, expected[frame]), (frames, frame)


@pytest.fixture
def sent(monkeypatch):
    """Counts the packets that go to the decoder."""
    counts = []
    decode = PacketReader.decode

    def count(reader, packet):
        counts.append(packet is not None)
        return decode(reader, packet)

    monkeypatch.setattr(PacketReader, 'decode', count)
    return counts


@pytest.mark.parametrize('most_bytes_kept', [0, 10**9])
def test_dense_keyframes_are_used(tmp_path, monkeypatch, sent, most_bytes_kept):
    monkeypatch.setattr(packet_reader, '_MOST_BYTES_KEPT', most_bytes_kept)
    path = render_video(
        tmp_path / 'a.mp4', 120, options={'g': '10', 'bf': '0', 'sc_threshold': '0'}
    )
    with open_video(path) as video:
        assert number_in(video.decode([95])[0]) == 95
        assert sum(sent) == 6  # the keyframe 90 and the frames to 95
        sent.clear()
        assert [number_in(p) for p in video.decode([3, 61, 118])] == [3, 61, 118]
        assert sum(sent) == 4 + 2 + 9


def test_frames_that_nobody_needs_are_left_out(tmp_path, sent):
    path = render_video(tmp_path / 'a.mp4', 60, options={'g': '60', 'bf': '1', 'b_strategy': '0'})
    with open_video(path) as video:
        assert number_in(video.decode([41])[0]) == 41
        not_needed = int((~video.index.packets.is_reference[:42]).sum())
    assert not_needed > 15
    # Up to frame 41 and the reference after it, without the B-frames before.
    assert sum(sent) <= 43 - not_needed + 1


def test_runs_start_at_keyframes_and_join_where_a_jump_does_not_pay(tmp_path):
    path = render_video(tmp_path / 'a.mp4', 60, options={'g': '10', 'bf': '0', 'sc_threshold': '0'})
    with open_video(path) as video:
        assert plan_runs(video.index, [5, 8, 35]) == [Run(0, 9, (5, 8)), Run(30, 36, (35,))]
        assert plan_runs(video.index, [8, 10]) == [Run(0, 11, (8, 10))]
        assert plan_runs(video.index, [0, 59]) == [Run(0, 1, (0,)), Run(50, 60, (59,))]


def test_a_plan_that_misses_frames_falls_back_to_decoding_everything(tmp_path, monkeypatch):
    path = render_video(tmp_path / 'a.mp4', 30)
    monkeypatch.setattr(decoding, 'plan_runs', lambda index, frames: [Run(0, 5, (3,))])
    with open_video(path) as video:
        assert [number_in(picture) for picture in video.decode([3, 17, 28])] == [3, 17, 28]


@pytest.mark.parametrize('lost', [{7}, {7, 8}, {29}])
def test_a_frame_that_the_decoder_swallows_is_shown_as_the_one_before(tmp_path, monkeypatch, lost):
    path = render_video(tmp_path / 'a.mkv', 30, options={'bf': '0'})
    decode = PacketReader.decode

    def swallow(reader, packet):
        return [frame for frame in decode(reader, packet) if number_in(rgb(frame)) not in lost]

    def rgb(frame):
        return frame.to_ndarray(format='rgb24')

    monkeypatch.setattr(PacketReader, 'decode', swallow)
    frames = [6, 7, 8, 9, 29]
    shown = [next(n for n in itertools.count(frame, -1) if n not in lost) for frame in frames]
    with open_video(path) as video:
        assert [number_in(picture) for picture in video.decode(frames)] == shown


def test_a_file_that_starts_between_keyframes_starts_at_its_first_decodable_frame(tmp_path):
    path = tmp_path / 'tail.mkv'
    whole = render_video(
        tmp_path / 'a.mkv', 40, options={'g': '10', 'bf': '2', 'sc_threshold': '0'}
    )
    with av.open(str(whole)) as source, av.open(str(path), 'w') as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for position, packet in enumerate(source.demux(stream)):
            if position >= 4 and packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    expected = plain_decode(path)
    first = number_in(expected[0])
    assert first == 10
    with open_video(path) as video:
        assert video.num_frames == len(expected) == 30
        assert [number_in(picture) for picture in video.decode([0, 29, 11])] == [10, 39, 21]
        assert video.seconds[0] == pytest.approx(0.4)  # the time of what cannot be decoded
