"""Which frames a video has: N of them, in the order and at the times at which they are shown.

Where every packet has a time stamp, the sorted stamps are the frames and nothing is decoded. Where
not (MPEG program streams, AVI with B-frames, raw streams), the frames are counted by decoding once.
"""

import os
from collections import OrderedDict
from dataclasses import dataclass

import av
import numpy as np

from video_clips.reading.opening import VideoError, why
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.packets import PacketTable


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of one stream in the order in which they are shown.

    Attributes:
        seconds: (N,) float64, when each is shown, from 0 at the first.
        positions: (N,) int64, each one's packet; None where frames are told by counting.
        packets: The packets that they come from.
    """

    seconds: np.ndarray
    positions: np.ndarray | None
    packets: PacketTable

    def __len__(self) -> int:
        return len(self.seconds)


def index_frames(reader: PacketReader) -> FrameIndex:
    """Find the frames of a just opened file.

    Raises:
        VideoError: Reading breaks off, or there is no frame.
    """
    table = reader.scan()
    if not table.is_shown.any():
        raise VideoError(reader.path, 'its video stream holds no frame')
    if not table.has_timestamps:
        return FrameIndex(_seconds_by_decoding(reader, table), None, table)
    positions = np.flatnonzero(table.is_shown)
    positions = positions[np.argsort(table.pts[positions], kind='stable')]
    pts = table.pts[positions]
    first_keyframe = np.argmax(table.is_keyframe)
    if not table.is_keyframe[0] or table.pts[first_keyframe] > pts[0]:
        first = np.searchsorted(pts, _first_decodable_pts(reader, table))
        positions, pts = positions[first:], pts[first:]
    return FrameIndex((pts - pts[0]) * float(table.time_base), positions, table)


class IndexCache:
    """Remembers the indices of files, the last used ones, as long as they have not changed.

    Args:
        most_packets: How many packets all of them may have together; one takes some 45 bytes.
    """

    def __init__(self, most_packets: int = 500_000) -> None:
        self.most_packets = most_packets
        self._indices: OrderedDict[tuple, FrameIndex] = OrderedDict()
        self._num_packets = 0

    def index_frames(self, reader: PacketReader) -> FrameIndex:
        """The remembered index of a just opened file, or a new one."""
        try:
            status = os.stat(reader.path)
        except OSError:
            return index_frames(reader)
        key = reader.path, status.st_size, status.st_mtime_ns
        if key in self._indices:
            self._indices.move_to_end(key)
            return self._indices[key]
        index = self._indices[key] = index_frames(reader)
        self._num_packets += len(index.packets)
        while self._num_packets > self.most_packets:
            _, oldest = self._indices.popitem(last=False)
            self._num_packets -= len(oldest.packets)
        return index

    def __reduce__(self) -> tuple:
        """Another process starts with an empty cache."""
        return IndexCache, (self.most_packets,)


def _first_decodable_pts(reader: PacketReader, table: PacketTable) -> int:
    """Time stamp of the first frame that comes out of a file that starts between keyframes."""
    for _, packet in reader.packets(table):
        try:
            frames = reader.decode(packet)
        except av.FFmpegError:
            continue
        if frames and frames[0].pts is not None:
            return frames[0].pts
    raise VideoError(reader.path, 'no frame can be decoded')


def _seconds_by_decoding(reader: PacketReader, table: PacketTable) -> np.ndarray:
    """When each frame is shown; frames without a time stamp of their own lie between the others."""
    stamps: list[float] = []
    try:
        for _, packet in reader.packets(table):
            stamps += [_stamp(frame) for frame in reader.decode(packet)]
        stamps += [_stamp(frame) for frame in reader.decode(None)]
    except av.FFmpegError as error:
        reason = f'decoding fails after {len(stamps)} frames: {why(error)}'
        raise VideoError(reader.path, reason) from error
    if not stamps:
        raise VideoError(reader.path, 'no frame can be decoded')
    seconds = np.asarray(stamps) * float(table.time_base)
    rate = reader.stream.average_rate or reader.stream.guessed_rate or 25
    return _fill_gaps(seconds, frame_seconds=float(1 / rate))


def _stamp(frame: av.VideoFrame) -> float:
    return np.nan if frame.pts is None else frame.pts


def _fill_gaps(seconds: np.ndarray, frame_seconds: float) -> np.ndarray:
    """Times from 0, rising; (N,) -> (N,). Unknown ones (NaN) are set evenly between known ones."""
    order = np.arange(len(seconds))
    known = np.isfinite(seconds)
    if known.sum() < 2 or (np.diff(seconds[known]) <= 0).any():
        return order * frame_seconds
    filled = np.interp(order, order[known], seconds[known])
    first, last = order[known][[0, -1]]
    filled[:first] = filled[first] - (first - order[:first]) * frame_seconds
    filled[last:] = filled[last] + (order[last:] - last) * frame_seconds
    return filled - filled[0]
