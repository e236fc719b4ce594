import hashlib
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from data_analysis.measuring.file_measurement import Tier
from data_analysis.measuring.measure_file import measure_file
from data_analysis.measuring.thumbnails import decode_thumbnail
from tests.data_analysis.rendering import plain_decode, render_video
from tests.data_analysis.videos import (
    render_corrupt,
    render_cut_between_keyframes,
    render_pictures,
    render_sound_only,
    render_truncated,
    textured,
)


def measure(path: Path, tier: Tier = Tier.PACKETS) -> dict[str, Any]:
    return measure_file((str(path), int(tier)))


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv', '.avi', '.ts'])
def test_frames_rate_and_size_are_exact_in_every_container(tmp_path: Path, suffix: str) -> None:
    path = render_video(
        tmp_path / f'a b{suffix}', 37, options={'g': '12', 'bf': '2', 'sc_threshold': '0'}
    )
    found = measure(path)
    assert (found['status'], found['error'], found['tier']) == ('ok', '', 'packets')
    assert found['num_frames'] == len(plain_decode(path)) == 37
    assert found['fps'] == pytest.approx(10, rel=1e-3)
    assert found['duration_seconds'] == pytest.approx(3.7, rel=1e-3)
    assert (found['width'], found['height'], found['rotation']) == (64, 48, 0)
    assert (found['codec'], found['pixel_format'], found['is_8_bit']) == ('h264', 'yuv420p', True)
    assert found['bytes'] == path.stat().st_size
    assert found['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found['keyframe_spacing'] == 12
    assert found['first_decodable_frame'] == 0
    assert found['variable_rate_share'] == 0
    assert found['num_lost_frames'] == 0
    assert found['is_complete']


def test_header_tier_reads_the_header_alone(tmp_path: Path) -> None:
    found = measure(render_video(tmp_path / 'a.mp4', 37), Tier.HEADER)
    assert (found['num_frames'], found['fps'], found['width']) == (37, 10, 64)
    assert found['sha256'] == found['signature'] == ''
    assert math.isnan(found['num_packets'])


def test_header_tier_tells_ten_bits_where_the_header_has_them(tmp_path: Path) -> None:
    with av.open(str(tmp_path / 'a.mkv'), 'w') as container:
        stream = container.add_stream('ffv1', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p10le'
        container.mux(stream.encode(av.VideoFrame.from_ndarray(textured(1), 'rgb24')))
        container.mux(stream.encode(None))
    for tier in (Tier.HEADER, Tier.PACKETS):
        found = measure(tmp_path / 'a.mkv', tier)
        assert (found['pixel_format'], found['is_8_bit']) == ('yuv420p10le', False)


def test_decode_tier_counts_what_comes_out(tmp_path: Path) -> None:
    path = render_pictures(tmp_path / 'a.mp4', [textured(number) for number in range(20)])
    found = measure(path, Tier.DECODE)
    assert (found['num_decoded_frames'], found['num_lost_frames']) == (20, 0)
    assert (found['black_share'], found['frozen_share'], found['decode_error']) == (0, 0, '')


def test_signature_is_the_seventh_frame_made_small(tmp_path: Path) -> None:
    pictures = [textured(number) for number in range(9)]
    found = measure(render_pictures(tmp_path / 'a.mp4', pictures))
    grey = pictures[6].astype(float) @ [0.299, 0.587, 0.114]
    expected = grey.reshape(12, 4, 16, 4).mean((1, 3))
    assert np.abs(decode_thumbnail(found['signature']) - expected).mean() < 6


def test_uneven_frames(tmp_path: Path) -> None:
    ticks = [0, 100, 200, 300, 700, 800, 900, 1000, 1100, 1200, 1300]
    found = measure(render_video(tmp_path / 'a.mkv', 11, ticks=ticks))
    assert found['variable_rate_share'] == pytest.approx(0.1)
    assert found['fps'] == pytest.approx(10 / 1.3, rel=1e-3)


def test_rotation(tmp_path: Path) -> None:
    found = measure(render_video(tmp_path / 'a.mp4', 5, rotation=90))
    assert abs(found['rotation']) == 90
    assert (found['width'], found['height']) == (64, 48)


def test_a_missing_end(tmp_path: Path) -> None:
    found = measure(render_truncated(tmp_path / 'a.mp4'))
    assert found['status'] == 'ok'
    assert found['header_num_frames'] == 60
    assert not found['is_complete']
    assert found['num_packets'] < 60


def test_noise_in_the_middle(tmp_path: Path) -> None:
    path = render_corrupt(tmp_path / 'a.mp4')
    assert measure(path)['status'] == 'ok'
    found = measure(path, Tier.DECODE)
    assert found['decode_error']
    assert found['num_decoded_frames'] <= 40


def test_a_start_between_keyframes(tmp_path: Path) -> None:
    found = measure(render_cut_between_keyframes(tmp_path / 'a.ts'))
    assert found['first_decodable_frame'] == 6
    assert found['num_frames'] == 20


def test_an_odd_first_frame(tmp_path: Path) -> None:
    odd = measure(render_pictures(tmp_path / 'odd.mp4', [textured(1), *[textured(2)] * 9]))
    assert odd['first_frame_distance'] > 0.5
    assert odd['early_distance'] < 0.1
    even = measure(render_pictures(tmp_path / 'even.mp4', [textured(2)] * 10))
    assert even['first_frame_distance'] < 0.1


def test_black_and_frozen_pictures(tmp_path: Path) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    found = measure(render_pictures(tmp_path / 'black.mp4', [black] * 12), Tier.DECODE)
    assert (found['black_share'], found['frozen_share']) == (1, 1)
    pictures = [*[textured(1)] * 9, textured(2), textured(3)]
    found = measure(render_pictures(tmp_path / 'half.mp4', pictures), Tier.DECODE)
    assert found['black_share'] == 0
    assert found['frozen_share'] == pytest.approx(0.8, abs=0.11)


def test_files_that_are_no_videos(tmp_path: Path) -> None:
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'text.mp4').write_text('not a video at all')
    render_sound_only(tmp_path / 'sound.mp4')
    found = {
        name: measure(tmp_path / f'{name}.mp4') for name in ('empty', 'text', 'sound', 'absent')
    }
    assert {name: row['status'] for name, row in found.items()} == {
        'empty': 'empty',
        'text': 'unreadable',
        'sound': 'no_video_stream',
        'absent': 'missing',
    }
    assert all(row['error'] for row in found.values())
    assert found['text']['bytes'] == 18


def test_very_short_videos(tmp_path: Path) -> None:
    for number in (1, 2):
        found = measure(render_video(tmp_path / f'{number}.mp4', number), Tier.DECODE)
        assert (found['status'], found['num_frames'], found['fps']) == ('ok', number, 10)
        assert found['duration_seconds'] == pytest.approx(number / 10)
        assert found['signature']
