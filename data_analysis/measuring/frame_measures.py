"""Measures of decoded frames: the thumbnail, and odd, black, frozen, damaged or lost frames."""

from __future__ import annotations

import math
from collections.abc import Iterator

import av
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from data_analysis.measuring.file_measurement import FileMeasurement
from data_analysis.measuring.thumbnails import (
    THUMBNAIL_HEIGHT,
    THUMBNAIL_WIDTH,
    encode_thumbnail,
    thumbnail_distance,
)
from video_clips.reading.decoding import decode_run, plan_runs
from video_clips.reading.frame_index import FrameIndex
from video_clips.reading.opening import why
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.packets import PacketTable
from video_clips.reading.pictures import orientation, pixel_aspect

_SIGNATURE_FRAME = 6
"""Past a camera's start, and cheap to reach."""

_BLACK_LEVEL = 16
_FROZEN_LEVELS = 0.05
_GRID_HEIGHT, _GRID_WIDTH = 48, 64
_SHARPNESS_HEIGHT, _SHARPNESS_WIDTH = 180, 240


# Kept for the life of a worker: setting a converter up costs more than using it.
_converter = VideoReformatter()


def _shrink(frame: VideoFrame, height: int, width: int) -> np.ndarray:
    """A (height, width) uint8 grey picture of the frame as it is coded, not turned upright."""
    small = _converter.reformat(
        frame, width, height, format='gray', interpolation=Interpolation.AREA, threads=1
    )
    return small.to_ndarray()


def measure_first_frames(
    reader: PacketReader, table: PacketTable, index: FrameIndex | None, result: FileMeasurement
) -> None:
    """Fills in the signature and everything else that the first frames tell.

    Args:
        reader: The open file.
        table: Its packets.
        index: Its frames; None if they could not be found.
        result: What to fill in.
    """
    frames = _looked_at(reader, index)
    if frames is None:
        frames = {}
        for number, frame in enumerate(_decodable_frames(reader, table, result)):
            frames[number] = frame
            if number == _SIGNATURE_FRAME:
                break
        if not frames:
            return
        last = max(frames)
        frames = {number: frames[number] for number in {0, min(1, last), last}}
    _note_picture(reader, frames[0], result)
    shown = [0, *([1] if 1 in frames else []), max(frames)]
    thumbnails = [_shrink(frames[n], THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH) for n in shown]
    num_interlaced = sum(frame.interlaced_frame for frame in frames.values())
    num_frames = len(frames)
    result.signature = encode_thumbnail(thumbnails[-1])
    result.sharpness = _sharpness(frames[max(frames)])
    result.interlaced_share = num_interlaced / num_frames
    result.black_share = float(np.mean([picture.max() < _BLACK_LEVEL for picture in thumbnails]))
    if len(thumbnails) > 2:
        result.first_frame_distance = thumbnail_distance(thumbnails[0], thumbnails[1])
        result.early_distance = thumbnail_distance(thumbnails[1], thumbnails[-1])


def _sharpness(frame: VideoFrame) -> float:
    """Strength of fine detail beside all contrast, whatever the picture's size.

    It is the standard deviation of the Laplacian over that of the grey levels, at 240x180 pixels;
    0 for a picture of one colour.
    """
    # In int16, which holds 8 times 255: of doubles, memory would take most of the time.
    grey = _shrink(frame, _SHARPNESS_HEIGHT, _SHARPNESS_WIDTH).astype(np.int16)
    detail = grey[1:-1, 1:-1] * np.int16(-4)
    for around in (grey[:-2, 1:-1], grey[2:, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:]):
        detail += around
    contrast = _deviation(grey)
    return round(_deviation(detail) / contrast, 4) if contrast else 0.0


def _deviation(numbers: np.ndarray) -> float:
    """Standard deviation of small whole numbers, whose sums are exact."""
    flat = numbers.ravel().astype(float)
    mean = flat.sum() / flat.size
    # einsum: a dot product of this length would start BLAS's threads, in every worker.
    return math.sqrt(max(0.0, np.einsum('i,i', flat, flat) / flat.size - mean**2))


def _looked_at(reader: PacketReader, index: FrameIndex | None) -> dict[int, VideoFrame] | None:
    """The first, second and seventh frame (or last), with as little decoded as possible.

    Returns:
        None if one does not come out: then everything is decoded, and what fails is noted.
    """
    if index is None or index.positions is None:
        return None
    wanted = sorted({0, min(1, len(index) - 1), min(_SIGNATURE_FRAME, len(index) - 1)})
    (run, *others) = plan_runs(index, wanted)
    if others:
        return None
    stamps = dict(zip(index.packets.pts[index.positions[wanted]].tolist(), wanted, strict=True))
    try:
        frames = {stamps[f.pts]: f for f in decode_run(reader, index, run) if f.pts in stamps}
    except av.FFmpegError:
        return None
    return frames if len(frames) == len(wanted) else None


def _note_picture(reader: PacketReader, frame: VideoFrame, result: FileMeasurement) -> None:
    """Fills in how the first frame is coded and shown."""
    result.width, result.height = frame.width, frame.height
    result.pixel_aspect = float(pixel_aspect(reader.stream, reader.header_size, frame))
    shown = orientation(frame)
    result.rotation, result.is_mirrored = shown.degrees_left, shown.is_mirrored
    note_pixel_format(frame.format, result)


def note_pixel_format(pixels: VideoFormat, result: FileMeasurement) -> None:
    """Fills in how a pixel is stored."""
    result.pixel_format = pixels.name
    result.is_8_bit = all(part.bits == 8 for part in pixels.components)


def measure_all_frames(reader: PacketReader, table: PacketTable, result: FileMeasurement) -> None:
    """Fills in what takes decoding every frame."""
    num_frames = num_black = num_frozen = num_damaged = num_interlaced = 0
    before: np.ndarray | None = None
    for frame in _decodable_frames(reader, table, result):
        picture = _shrink(frame, _GRID_HEIGHT, _GRID_WIDTH).astype(np.int16)
        num_frames += 1
        num_damaged += frame.is_corrupt
        num_interlaced += frame.interlaced_frame
        num_black += bool(np.quantile(picture, 0.99) < _BLACK_LEVEL)
        if before is not None:
            num_frozen += bool(np.abs(picture - before).mean() < _FROZEN_LEVELS)
        before = picture
    result.num_decoded_frames = num_frames
    result.num_damaged_frames = num_damaged
    if num_frames:
        result.interlaced_share = num_interlaced / num_frames
        result.black_share = num_black / num_frames
    if num_frames > 1:
        result.frozen_share = num_frozen / (num_frames - 1)


def _decodable_frames(
    reader: PacketReader, table: PacketTable, result: FileMeasurement
) -> Iterator[VideoFrame]:
    """Decodes on past errors; the first is noted, and how many packets failed."""
    failed, reason, num_frames = 0, '', 0
    for packet in _packets_and_end(reader, table):
        try:
            frames = reader.decode(packet)
        except av.FFmpegError as error:
            failed += 1
            reason = reason or f'{why(error)} after {num_frames} frames'
            result.decode_error = reason if failed == 1 else f'{reason}, {failed} packets fail'
            continue
        num_frames += len(frames)
        yield from frames


def _packets_and_end(reader: PacketReader, table: PacketTable) -> Iterator[av.Packet | None]:
    for _, packet in reader.packets(table):
        yield packet
    yield None
