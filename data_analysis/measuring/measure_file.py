"""Measures one video file: header, then packets and first frames, then all frames."""

from __future__ import annotations

import hashlib
import math
import os
import stat
from fractions import Fraction
from typing import Any

import av
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
from video_clips.reading.demuxing import known_packets
from video_clips.reading.frame_index import FrameIndex, index_frames
from video_clips.reading.opening import VideoError, nominal_fps, open_container
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.packets import PacketTable
from video_clips.reading.promised_bytes import num_missing_bytes
from video_clips.reading.remote import local_copy

_BYTES_AT_ONCE = 1 << 20
_SHORTEST_MISSING_END = 0.5
_MISSING_SHARE = 0.05
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
    except VideoError as error:  # its protocol is refused
        result.status, result.error = 'unreadable', error.reason
    return dict(vars(result))


def _measure(path: str, tier: Tier, result: FileMeasurement) -> None:
    result.bytes = _num_bytes(path)
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


def _num_bytes(path: str) -> float:
    """The size of a regular file; NaN for anything else, whose opening says what it is."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError):
        return math.nan
    return status.st_size if stat.S_ISREG(status.st_mode) else math.nan


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
    result.header_width, result.header_height = decoder.width, decoder.height
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
    result.fps = nominal_fps(stream)
    if result.duration_seconds > 0:
        result.bitrate = 8 * result.bytes / result.duration_seconds


def _measure_contents(reader: PacketReader, tier: Tier, result: FileMeasurement) -> None:
    # What follows is counted; the header may have guessed.
    result.num_frames = result.fps = math.nan
    index: FrameIndex | None = None
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
        if not table.is_shown.any():
            result.status, result.error = 'no_video_stream', error.reason
            return
        result.decode_error = error.reason
    _measure_packets(table, result)
    result.truncation = table.truncation or _missing_end(reader, table, result)
    result.is_complete = not result.truncation
    measure_first_frames(reader, table, index, result)
    if tier >= Tier.DECODE:
        measure_all_frames(reader, table, result)
    known = [count for count in (result.num_frames, result.num_decoded_frames) if count >= 0]
    if known:
        expected = result.num_packets - result.first_decodable_frame
        result.num_lost_frames = max(0, expected - min(known))


def _measure_frames(index: FrameIndex, result: FileMeasurement) -> None:
    result.num_frames = len(index)
    result.fps = round(index.fps, 4)
    result.first_frame_seconds = round(float(index.seconds[0]), 6)
    result.duration_seconds = round(index.duration_seconds, 6)
    if len(index) > 1:
        result.variable_rate_share = index.uneven_share
    if index.positions is not None:
        result.first_decodable_frame = int(index.packets.is_shown.sum()) - len(index)


def _missing_end(reader: PacketReader, table: PacketTable, result: FileMeasurement) -> str:
    """The missing data that the container's sizes, or else its duration, promise; in words."""
    if table.num_promised and 'mp4' in reader.container.format.name:
        return ''  # Its table of samples, which is complete, is more exact than any duration.
    missing = num_missing_bytes(reader.path)
    if missing is not None:
        return f'its header promises {missing} bytes more than it holds' if missing else ''
    promised = result.header_duration_seconds
    tolerance = max(_SHORTEST_MISSING_END, _MISSING_SHARE * promised)
    if not promised - result.packet_duration_seconds > tolerance:
        return ''
    # The longest stream makes the duration, and it need not be that of the pictures.
    end = _end_of_all_streams(reader.path)
    return f'header {promised:.2f} s, file {end:.2f} s' if promised - end > tolerance else ''


def _end_of_all_streams(path: str) -> float:
    """When the last packet of any stream ends, in seconds from the start of the container."""
    end = 0.0
    with open_container(path) as container:
        start = (container.start_time or 0) / 1e6
        try:
            for packet in filter(None, known_packets(container)):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is not None and packet.time_base is not None:
                    end = max(end, float((stamp + (packet.duration or 0)) * packet.time_base))
        except (av.FFmpegError, EOFError):
            pass  # What came before counts.
    return end - start


def _measure_packets(table: PacketTable, result: FileMeasurement) -> None:
    shown = int(table.is_shown.sum())
    result.num_packets = shown
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
    return missing + len(known) - len(set(known.tolist())) + int((np.diff(dts) < 0).sum())


def _packet_duration(table: PacketTable, fps: float) -> float:
    pts = table.pts[table.pts != _NO_TIMESTAMP]
    if len(pts) == 0 or not fps > 0:
        return math.nan
    return float((pts.max() - pts.min()) * Fraction(table.time_base)) + 1 / fps
