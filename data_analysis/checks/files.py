"""Files that cannot be read, or that readers understand differently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from data_analysis.checks.problems import Problem, problem_of
from data_analysis.checks.settings import CheckSettings
from video_clips.reading.pictures import is_gross

_SQUARE_TOLERANCE = 0.01
_FAILURES = ('missing', 'empty', 'unreadable', 'timed_out', 'crashed', 'no_video_stream')


def check_readable(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Files that could not be measured at all; the reason is the measurement's own."""
    for clip in clips[clips['status'].isin(_FAILURES)].itertuples():
        yield problem_of(clip.status, clip, clip.error)


def check_complete(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Header against packets, packets against frames."""
    for clip in clips[clips['status'] == 'ok'].itertuples():
        if clip.scan_error:
            yield problem_of('truncated', clip, clip.scan_error)
        elif clip.truncation:
            yield problem_of('truncated', clip, clip.truncation)
        if clip.decode_error:
            yield problem_of('undecodable_frames', clip, clip.decode_error)
        elif clip.num_lost_frames > 0:
            yield problem_of(
                'frame_count_differs',
                clip,
                f'{clip.num_packets:.0f} packets, {clip.num_lost_frames:.0f} of them give no frame',
            )
        elif clip.num_damaged_frames > 0:
            yield problem_of(
                'damaged_frames',
                clip,
                f'{clip.num_damaged_frames:.0f} of {clip.num_decoded_frames:.0f} frames',
            )


def check_timing(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Keyframe at the start, even spacing, usable timestamps."""
    for clip in clips.itertuples():
        if clip.first_decodable_frame > 0:
            yield problem_of(
                'starts_between_keyframes',
                clip,
                f'the first keyframe is frame {clip.first_decodable_frame:.0f}',
            )
        if clip.variable_rate_share > settings.variable_rate_share:
            yield problem_of(
                'variable_frame_rate',
                clip,
                f'{clip.variable_rate_share:.1%} of the gaps between frames differ from the usual '
                f'one by over 10%',
            )
        if clip.num_disordered_timestamps > 0:
            yield problem_of(
                'disordered_timestamps',
                clip,
                f'{clip.num_disordered_timestamps:.0f} of {clip.num_packets:.0f} packets',
            )


def check_picture(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Rotation, size, pixel format; black, frozen or odd frames."""
    for clip in clips[clips['status'] == 'ok'].itertuples():
        if abs(clip.rotation) > 0:
            yield problem_of('rotated', clip, f'by {clip.rotation:.0f} degrees')
        if clip.is_mirrored:
            yield problem_of('mirrored', clip, 'left and right change places')
        if (clip.header_width, clip.header_height) != (clip.width, clip.height) and clip.width > 0:
            yield problem_of(
                'header_size_differs',
                clip,
                f'header {clip.header_width:.0f}x{clip.header_height:.0f}, '
                f'stream {clip.width:.0f}x{clip.height:.0f}',
            )
        if is_gross(clip.pixel_aspect):
            yield problem_of('non_square_pixels', clip, _shape(clip))
        if clip.interlaced_share > 0:
            yield problem_of(
                'interlaced', clip, f'{clip.interlaced_share:.0%} of the frames looked at'
            )
        if min(clip.width, clip.height) < settings.smallest_side:
            yield problem_of('tiny_picture', clip, f'{clip.width:.0f}x{clip.height:.0f} pixels')
        if clip.black_share > settings.black_share:
            yield problem_of('black', clip, f'{clip.black_share:.0%} of the frames looked at')
        elif clip.frozen_share > settings.frozen_share:
            yield problem_of('frozen', clip, f'{clip.frozen_share:.0%} of the frames repeat')
        elif clip.first_frame_distance > max(
            settings.first_frame_distance, 4 * clip.early_distance
        ):
            yield problem_of(
                'odd_first_frame',
                clip,
                f'distance {clip.first_frame_distance:.2f} to the second frame, '
                f'{clip.early_distance:.2f} from there to the seventh',
            )


def check_pixels(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Pixels that are a little longer than wide: one finding for the whole set."""
    stretched = clips[
        ((clips['pixel_aspect'] - 1).abs() > _SQUARE_TOLERANCE)
        & ~clips['pixel_aspect'].map(is_gross)
    ]
    if len(stretched):
        example = next(stretched.itertuples())
        yield Problem(
            'non_square_pixels',
            '',
            f'{len(stretched)} of {len(clips)} clips are taken as if they were square, for '
            f'instance {example.path}: {_shape(example)}',
        )


def _shape(clip: Any) -> str:
    shown = clip.width * clip.pixel_aspect
    return f'{clip.width:.0f}x{clip.height:.0f} pixels are shown as {shown:.0f}x{clip.height:.0f}'


def check_format(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Values that headers lack and readers treat differently."""
    for clip in clips[clips['status'] == 'ok'].itertuples():
        if clip.num_video_streams > 1:
            yield problem_of(
                'several_video_streams', clip, f'{clip.num_video_streams:.0f} video streams'
            )
        if not clip.header_num_frames > 0:
            yield problem_of('no_frame_count', clip, f'container {clip.container}')
        if not clip.header_duration_seconds > 0:
            yield problem_of('no_duration', clip, f'container {clip.container}')
        if clip.has_alpha or not clip.is_8_bit:
            transparency = ' with transparency' if clip.has_alpha else ''
            yield problem_of('unusual_pixel_format', clip, f'{clip.pixel_format}{transparency}')
        if not clip.has_readable_metadata:
            yield problem_of('unreadable_metadata', clip, f'container {clip.container}')
        if settings.decoder == 'decord' and (reason := _decord_refuses(clip)):
            yield problem_of('unsupported_by_decoder', clip, f'decord {reason}')


def _decord_refuses(clip: Any) -> str:
    """Files that decord 0.6 was seen to fail on."""
    if clip.codec == 'av1':
        return 'has no AV1 decoder'
    if clip.container == 'gif':
        return 'does not read GIF'
    if not clip.header_duration_seconds > 0:
        return 'needs a duration in the header'
    return ''
