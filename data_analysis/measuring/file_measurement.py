"""Measurements of one video file, and how deep they go."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import IntEnum

_NAN = math.nan


class Tier(IntEnum):
    """How deep a file is measured.

    `HEADER` believes what the container says. `PACKETS` reads through the file without decoding it,
    hashes it and decodes the first frames for a thumbnail. `DECODE` decodes everything, which alone
    finds frames that cannot be decoded, and pictures that are black or frozen.
    """

    HEADER = 0
    PACKETS = 1
    DECODE = 2


@dataclass
class FileMeasurement:
    """Measurements of one file; NaN and empty texts stand for what its tier does not tell.

    Attributes:
        status: `ok`, or why it could not be measured: `missing`, `empty`, `unreadable`,
            `no_video_stream`, `timed_out`, `crashed`.
        error: That reason in words.
        tier: Name of the tier that was reached.
        duration_seconds: From the first frame to the end of the last.
        first_frame_seconds: When a player shows the first frame.
        num_frames: Frames that are shown.
        fps: Frames per second, see `FrameIndex.fps`.
        width: Of the coded picture.
        height: Of the coded picture.
        header_width: Of the coded picture, by the container's header.
        header_height: Of the coded picture, by the container's header.
        pixel_aspect: Width over height of a pixel.
        rotation: Degrees by which a player turns it to the left.
        is_mirrored: Whether a player mirrors it sideways before.
        interlaced_share: Share of interlaced frames, among the first ones or all.
        codec: FFmpeg's name.
        pixel_format: FFmpeg's name.
        is_8_bit: Whether it has 8 bits a component.
        has_alpha: Whether it has transparency.
        container: FFmpeg's name.
        bitrate: Bits a second of the video stream.
        bytes: Of the file.
        keyframe_spacing: Most frames from one keyframe to the next.
        num_keyframes: How many there are.
        first_decodable_frame: Frames before the first keyframe.
        variable_rate_share: Share of gaps between frames that differ from the median by over 10 %.
        num_disordered_timestamps: Packets without a time stamp of their own.
        audio: Audio streams.
        num_video_streams: Video streams.
        sha256: Of the file.
        signature: Thumbnail, see `thumbnails`.
        header_num_frames: What the header promises; NaN if nothing.
        header_duration_seconds: What the header promises; NaN if nothing.
        num_packets: Packets of frames that are shown.
        is_complete: Whether the file holds all data that its container promises.
        truncation: What is missing, in words.
        packet_duration_seconds: Where the last packet ends.
        scan_error: Where reading the packets broke off.
        has_readable_metadata: Whether its text is valid UTF-8.
        first_frame_distance: Thumbnail distance of the first two frames.
        early_distance: Thumbnail distance of the second and the seventh.
        sharpness: Of the seventh: low where it is out of focus or shaken, see `frame_measures`.
        black_share: Share of black frames, among the first ones or all.
        frozen_share: Share of frames that repeat the one before.
        num_decoded_frames: Frames that came out of the decoder.
        num_damaged_frames: Frames among them that the decoder has marked as damaged.
        num_lost_frames: Frames that have a packet, follow a keyframe and do not come out.
        decode_error: What went wrong in it.
    """

    status: str = 'ok'
    error: str = ''
    tier: str = ''
    duration_seconds: float = _NAN
    first_frame_seconds: float = _NAN
    num_frames: float = _NAN
    fps: float = _NAN
    width: float = _NAN
    height: float = _NAN
    header_width: float = _NAN
    header_height: float = _NAN
    pixel_aspect: float = _NAN
    rotation: float = _NAN
    is_mirrored: bool = False
    interlaced_share: float = _NAN
    codec: str = ''
    pixel_format: str = ''
    is_8_bit: bool = True
    has_alpha: bool = False
    container: str = ''
    bitrate: float = _NAN
    bytes: float = _NAN
    keyframe_spacing: float = _NAN
    num_keyframes: float = _NAN
    first_decodable_frame: float = _NAN
    variable_rate_share: float = _NAN
    num_disordered_timestamps: float = _NAN
    audio: float = _NAN
    num_video_streams: float = _NAN
    sha256: str = ''
    signature: str = ''
    header_num_frames: float = _NAN
    header_duration_seconds: float = _NAN
    num_packets: float = _NAN
    is_complete: bool = True
    truncation: str = ''
    packet_duration_seconds: float = _NAN
    scan_error: str = ''
    has_readable_metadata: bool = True
    first_frame_distance: float = _NAN
    early_distance: float = _NAN
    sharpness: float = _NAN
    black_share: float = _NAN
    frozen_share: float = _NAN
    num_decoded_frames: float = _NAN
    num_damaged_frames: float = _NAN
    num_lost_frames: float = _NAN
    decode_error: str = ''


_MEANING = 1
"""Raised when a column changes its meaning."""

MEASUREMENT_VERSION = f'{_MEANING} {" ".join(field.name for field in fields(FileMeasurement))}'
"""Stored measurements of another version are made again."""
