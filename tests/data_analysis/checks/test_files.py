import math
from typing import Any

import pytest

from data_analysis.checks import CHECKS
from data_analysis.checks.settings import CheckSettings
from tests.data_analysis.clip_tables import clips_of


def codes_of(decoder: Any = 'pyav', **row: Any) -> list[str]:
    clips = clips_of([row])
    settings = CheckSettings(classes=('a',), decoder=decoder, few_samples=1)
    return [problem.code for check in CHECKS for problem in check(clips, settings)]


def test_an_ordinary_clip_has_no_problem() -> None:
    assert codes_of() == []


@pytest.mark.parametrize(
    ('code', 'row'),
    [
        ('truncated', {'truncation': 'its header promises 300 frames, it holds 97'}),
        ('truncated', {'scan_error': 'reading breaks off after 10 frames'}),
        ('undecodable_frames', {'decode_error': 'invalid data after 28 frames'}),
        ('frame_count_differs', {'num_lost_frames': 1}),
        ('starts_between_keyframes', {'first_decodable_frame': 6}),
        ('variable_frame_rate', {'variable_rate_share': 0.02}),
        ('disordered_timestamps', {'num_disordered_timestamps': 3}),
        ('damaged_frames', {'num_damaged_frames': 3, 'num_decoded_frames': 250}),
        ('rotated', {'rotation': -90}),
        ('mirrored', {'is_mirrored': True}),
        ('header_size_differs', {'header_width': 240, 'header_height': 320}),
        ('non_square_pixels', {'pixel_aspect': 0.5}),
        ('interlaced', {'interlaced_share': 1.0}),
        ('tiny_picture', dict.fromkeys(('width', 'height', 'header_width', 'header_height'), 1)),
        ('black', {'black_share': 0.9}),
        ('frozen', {'frozen_share': 1.0}),
        ('odd_first_frame', {'first_frame_distance': 1.2}),
        ('several_video_streams', {'num_video_streams': 2}),
        ('no_frame_count', {'header_num_frames': math.nan}),
        ('no_duration', {'header_duration_seconds': math.nan}),
        ('unusual_pixel_format', {'is_8_bit': False, 'pixel_format': 'yuv420p10le'}),
        ('unusual_pixel_format', {'has_alpha': True}),
        ('unreadable_metadata', {'has_readable_metadata': False}),
        ('too_short', {'num_frames': 224}),
        ('label_outside_classes', {'label': 'z'}),
    ],
)
def test_each_fault_has_its_code(code: str, row: dict[str, Any]) -> None:
    found = codes_of(**row)
    assert code in found
    assert set(found) <= {code, 'class_absent'}


@pytest.mark.parametrize(
    'row',
    [
        {'header_duration_seconds': 11.0},  # audio runs on
        {'first_frame_distance': 0.3, 'early_distance': 0.2},  # everything moves
        {'black_share': 0.3},
        {'frozen_share': 0.5},
        {'num_frames': 225},
        {'variable_rate_share': 0.004},
    ],
)
def test_what_is_ordinary_after_all(row: dict[str, Any]) -> None:
    assert codes_of(**row) == []


@pytest.mark.parametrize(
    'status', ['missing', 'empty', 'unreadable', 'timed_out', 'crashed', 'no_video_stream']
)
def test_files_that_cannot_be_measured_have_that_problem_alone(status: str) -> None:
    nothing = dict.fromkeys(('num_frames', 'fps', 'width', 'rotation', 'num_packets'), math.nan)
    assert codes_of(status=status, error='why', **nothing) == [status]


def test_what_decord_cannot_read() -> None:
    assert codes_of(codec='av1') == []
    assert codes_of('decord', codec='av1') == ['unsupported_by_decoder']
    assert codes_of('decord', container='gif') == ['unsupported_by_decoder']
    assert 'unsupported_by_decoder' in codes_of('decord', header_duration_seconds=math.nan)
    assert codes_of('decord') == []


def test_details_name_the_measured_values() -> None:
    clips = clips_of([{'num_frames': 60, 'label': 'a', 'split': 'val', 'path': 'a b.mp4'}])
    (problem,) = [p for check in CHECKS for p in check(clips, CheckSettings(classes=()))]
    assert (problem.path, problem.label, problem.split) == ('a b.mp4', 'a', 'val')
    assert problem.detail == '60 frames, 8×32, loop wants 225'
