"""Measures one video file: header, then packets and first frames, then all frames."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from data_analysis.measuring.file_measurement import FileMeasurement, Tier
from data_analysis.measuring.frame_measures import (
    measure_all_frames,
    measure_first_frames,
    note_pixel_format,
)
from video_clips.reading.frame_index import FrameIndex, index_frames
from video_clips.reading.opening import VideoError, open_container
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.packets import PacketTable
from video_clips.reading.remote import local_copy

_BYTES_AT_ONCE = 1 << 20
_UNEVEN_GAP = 0.1
_NO_TIMESTAMP = np.iinfo(np.int64).min


def measure_file(request: tuple[str, int]) -> dict[str, Any]:
    """Measures one file.

    Args:
        request: Path or URL, and the tier.

    Returns:
        The fields of `FileMeasurement`.

    Raises:
        OSError: The system refused the file, which says nothing about it.
    """
    path, tier = request
    result = FileMeasurement(tier=Tier(tier).name.lower())
    try:
        with local_copy(path) as local:
            _measure(local, Tier(tier), result)
    except FileNotFoundError:
        result.status, result.error = 'missing', 'no such file'
    return asdict(result)


def _measure(path: str, tier: Tier, result: FileMeasurement) -> None:
    result.bytes = os.stat(path).st_size
    if result.bytes == 0:
        result.status, result.error = 'empty', '0 bytes'
        return
    try:
        reader = PacketReader(path)
    except VideoError as error:
        if isinstance(error.__cause__, OSError):
            raise OSError(error.reason) from error
        result.status, result.error = _kind_of_failure(path), error.reason
        return
    try:
        _measure_header(reader.container, reader.stream, result)
        if tier >= Tier.PACKETS:
            result.sha256 = _sha256(path)
            _measure_contents(reader, tier, result)
    finally:
        reader.close()


def _kind_of_failure(path: str) -> str:
    try:
        with open_container(path) as container:
            return 'unreadable' if _picture_streams(container) else 'no_video_stream'
    except VideoError:
        return 'unreadable'


def _picture_streams(container: InputContainer) -> list[VideoStream]:
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as stream:
        while block := stream.read(_BYTES_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _measure_header(
    container: InputContainer, stream: VideoStream, result: FileMeasurement
) -> None:
    decoder = stream.codec_context
    result.container = container.format.name.split(',')[0]
    result.codec = decoder.codec.canonical_name
    if decoder.format:
        note_pixel_format(decoder.format, result)
    result.width, result.height = decoder.width, decoder.height
    result.num_video_streams = len(_picture_streams(container))
    result.audio = len(container.streams.audio)
    texts = [*container.metadata.values(), *stream.metadata.values()]
    result.has_readable_metadata = not any('\ufffd' in text for text in texts)
    result.has_alpha = stream.metadata.get('alpha_mode') == '1'
    if stream.frames:
        result.header_num_frames = result.num_frames = stream.frames
    if stream.duration and stream.time_base:
        result.header_duration_seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        result.header_duration_seconds = container.duration / 1e6
    result.duration_seconds = result.header_duration_seconds
    if rate := stream.average_rate or stream.guessed_rate:
        result.fps = float(rate)
    if result.duration_seconds > 0:
        result.bitrate = 8 * result.bytes / result.duration_seconds


def _measure_contents(reader: PacketReader, tier: Tier, result: FileMeasurement) -> None:
    result.num_frames = float('nan')
    try:
        index = index_frames(reader)
        table = index.packets
        _measure_frames(index, result)
    except VideoError as error:
        # Either the packets cannot be read to the end, or frames that had to be counted by decoding
        # cannot be decoded; the first is asked for again to tell which.
        reader.close()
        fresh = PacketReader(reader.path)
        try:
            table = fresh.scan()
        except VideoError:
            result.scan_error = error.reason
            return
        finally:
            fresh.close()
        result.decode_error = error.reason
    _measure_packets(table, result)
    measure_first_frames(reader, table, result)
    if tier >= Tier.DECODE:
        measure_all_frames(reader, table, result)
    known = [count for count in (result.num_frames, result.num_decoded_frames) if count >= 0]
    if known:
        expected = result.num_packets - result.first_decodable_frame
        result.num_lost_frames = max(0, expected - min(known))


def _measure_frames(index: FrameIndex, result: FileMeasurement) -> None:
    num_frames = len(index)
    span = float(index.seconds[-1])
    result.num_frames = num_frames
    if span > 0:
        result.fps = round((num_frames - 1) / span, 4)
    if result.fps > 0:
        result.duration_seconds = round(num_frames / result.fps, 6)
    gaps = np.diff(index.seconds)
    if len(gaps):
        usual = np.median(gaps)
        # One tick of the clock is rounding: Matroska counts milliseconds.
        tolerance = _UNEVEN_GAP * usual + float(index.packets.time_base)
        result.variable_rate_share = float((np.abs(gaps - usual) > tolerance).mean())
    if index.positions is not None:
        result.first_decodable_frame = int(index.packets.is_shown.sum()) - num_frames


def _measure_packets(table: PacketTable, result: FileMeasurement) -> None:
    shown = int(table.is_shown.sum())
    result.num_packets = shown
    result.is_complete = table.is_complete
    if table.num_promised:
        result.header_num_frames = table.num_promised
    keyframes = np.flatnonzero(table.is_keyframe)
    result.num_keyframes = len(keyframes)
    result.keyframe_spacing = int(np.diff([*keyframes, len(table)]).max()) if len(keyframes) else 0
    if np.isnan(result.first_decodable_frame):
        result.first_decodable_frame = int(keyframes[0]) if len(keyframes) else shown
    result.num_disordered_timestamps = _num_disordered(table)
    result.packet_duration_seconds = _packet_duration(table, result.fps)
    if result.duration_seconds > 0:
        result.bitrate = round(8 * int(table.sizes.sum()) / result.duration_seconds)


def _num_disordered(table: PacketTable) -> int:
    """Packets whose time stamp is missing or taken, and decoding times that run backwards."""
    pts = table.pts[table.is_shown]
    known = pts[pts != _NO_TIMESTAMP]
    if len(known) == 0:
        return 0  # a stream that has no time stamps by design
    dts = table.dts[table.dts != _NO_TIMESTAMP]
    missing = len(pts) - len(known)
    return missing + len(known) - len(np.unique(known)) + int((np.diff(dts) < 0).sum())


def _packet_duration(table: PacketTable, fps: float) -> float:
    pts = table.pts[table.pts != _NO_TIMESTAMP]
    if len(pts) == 0 or not fps > 0:
        return float('nan')
    return float((pts.max() - pts.min()) * Fraction(table.time_base)) + 1 / fps
