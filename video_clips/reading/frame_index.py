"""The frames of a video: N of them, in the order and at the times at which a player shows them.

Times count from the start of the container, where a player's clock is 0: if pictures begin after
the sound, the first frame has a time above 0. Where every packet has a time stamp, the sorted
stamps are the frames and nothing is decoded. Where not (MPEG program streams, AVI with B-frames,
raw streams), the frames are counted by decoding once.
"""

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import av
import numpy as np
from av.video.frame import VideoFrame

from video_clips.reading.opening import VideoError, has_timescale, nominal_fps, why
from video_clips.reading.packet_reader import PacketReader
from video_clips.reading.packets import PacketTable, shows_by_decoding_order

_UNEVEN_GAP = 0.1
_FEW_GAPS = 0.02


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of one stream in the order in which they are shown.

    Attributes:
        seconds: (N,) float64, when a player shows each.
        positions: (N,) int64, each one's packet; None where frames are told by counting.
        packets: The packets that they come from.
        nominal_fps: The rate of a stream that has no two frames at different times.
    """

    seconds: np.ndarray
    positions: np.ndarray | None
    packets: PacketTable
    nominal_fps: float

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def uneven_share(self) -> float:
        """Share of the gaps between frames that differ from the median by over 10 %."""
        # One tick of the clock is rounding: Matroska counts milliseconds.
        is_uneven = self._is_uneven(float(self.packets.time_base))
        return float(is_uneven.mean()) if len(is_uneven) else 0.0

    def _is_uneven(self, tolerance: float) -> np.ndarray:
        usual = self._usual_gap
        return np.abs(self._gaps - usual) > _UNEVEN_GAP * usual + tolerance

    @cached_property
    def _gaps(self) -> np.ndarray:
        return np.diff(self.seconds)

    @cached_property
    def _usual_gap(self) -> float:
        return float(np.median(self._gaps)) if len(self._gaps) else 0.0

    @cached_property
    def fps(self) -> float:
        """Frames per second: the mean over the video, without the few gaps of a steady one."""
        gaps = self._gaps
        # A tick of AVI's clock is a frame.
        tick = float(self.packets.time_base)
        is_uneven = self._is_uneven(tick if tick < 0.005 else 0.0)
        if len(gaps) and is_uneven.mean() < _FEW_GAPS:
            gaps = gaps[~is_uneven]
        return float(1 / gaps.mean()) if len(gaps) and gaps.mean() > 0 else self.nominal_fps

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last, which is shown as long as most others."""
        last = self._usual_gap or 1 / self.nominal_fps
        return float(self.seconds[-1] - self.seconds[0]) + last


def index_frames(reader: PacketReader) -> FrameIndex:
    """Find the frames of a just opened file.

    Raises:
        VideoError: Reading breaks off, or there is no frame.
    """
    table = reader.scan()
    if not table.is_shown.any():
        raise VideoError(reader.path, 'its video stream holds no frame')
    rate = nominal_fps(reader.stream)
    if not table.has_timestamps:
        return FrameIndex(_seconds_by_decoding(reader, table), None, table, rate)
    positions = np.flatnonzero(table.is_shown)
    positions = positions[np.argsort(table.pts[positions], kind='stable')]
    pts = table.pts[positions]
    first_keyframe = np.argmax(table.is_keyframe)
    if not table.is_keyframe[0] or table.pts[first_keyframe] > pts[0]:
        first = np.searchsorted(pts, _first_decodable_pts(reader, table))
        positions, pts = positions[first:], pts[first:]
    seconds = (pts - pts[0]) * float(table.time_base)
    if not has_timescale(reader.stream) and len(pts) > 1:
        seconds = (pts - pts[0]) / (np.median(np.diff(pts)) * rate)
    start = float(pts[0] * table.time_base)
    return FrameIndex(seconds + _player_start(reader, start), positions, table, rate)


def _player_start(reader: PacketReader, start_seconds: float) -> float:
    """When a player shows the first frame, whose time stamp is given."""
    if reader.container.start_time is None:
        return 0.0  # a raw stream
    start = start_seconds - max(reader.container.start_time, 0) / 1e6
    # FFmpeg's start is rounded to microseconds.
    return start if start > 1e-5 else 0.0


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
    by_order = shows_by_decoding_order(reader.container, reader.stream)
    try:
        for _, packet in reader.packets(table):
            stamps += [frame_stamp(frame, by_order) for frame in reader.decode(packet)]
        stamps += [frame_stamp(frame, by_order) for frame in reader.decode(None)]
    except av.FFmpegError as error:
        reason = f'decoding fails after {len(stamps)} frames: {why(error)}'
        raise VideoError(reader.path, reason) from error
    if not stamps:
        raise VideoError(reader.path, 'no frame can be decoded')
    seconds = np.asarray(stamps) * float(table.time_base)
    start = float(table.dts[0] * table.time_base) if by_order else seconds[0]
    filled = _fill_gaps(seconds, 1 / nominal_fps(reader.stream))
    return filled + _player_start(reader, start if np.isfinite(start) else 0.0)


def frame_stamp(frame: VideoFrame, by_decoding_order: bool) -> float:
    """The time stamp of a decoded frame in ticks; NaN if it has none.

    Args:
        frame: As it comes out of the decoder.
        by_decoding_order: Whether frames are shown when the packets are due that bring them out of
            the decoder, see `shows_by_decoding_order`.
    """
    stamp = frame.dts if by_decoding_order else frame.pts
    return np.nan if stamp is None else stamp


def _fill_gaps(seconds: np.ndarray, frame_seconds: float) -> np.ndarray:
    """Rising times from 0, (N,); unknown ones (NaN) are set evenly between known ones."""
    order = np.arange(len(seconds))
    known = np.isfinite(seconds)
    if known.sum() < 2 or (np.diff(seconds[known]) <= 0).any():
        return order * frame_seconds
    filled = np.interp(order, order[known], seconds[known])
    first, last = order[known][[0, -1]]
    filled[:first] = filled[first] - (first - order[:first]) * frame_seconds
    filled[last:] = filled[last] + (order[last:] - last) * frame_seconds
    return filled - filled[0]
