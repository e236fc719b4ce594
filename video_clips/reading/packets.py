"""The table of a video stream's packets: what stands where, without decoding anything.

P packets in file order, which is decoding order; frames are shown in order of their time stamps.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from video_clips.reading.bitstreams import picture_headers
from video_clips.reading.coded_pictures import CodedPicture, Packet, PictureHeaders
from video_clips.reading.opening import VideoError, file_name, is_local, why
from video_clips.reading.promised_bytes import num_missing_bytes

_NO_TIMESTAMP = -(2**63)
_EMPTY = CodedPicture(is_reference=False, is_shown=False)


@dataclass(frozen=True, eq=False)
class PacketTable:
    """One row for each packet, in file order.

    Attributes:
        pts: (P,) int64, when its frame is shown, in ``time_base``.
        dts: (P,) int64, when it is decoded.
        sizes: (P,) int64, bytes.
        is_keyframe: (P,) bool, decoding can start here: the container says so, and the picture's
            header does not contradict.
        is_reference: (P,) bool, other frames need it; False is certain, True may be caution.
        is_shown: (P,) bool, a frame begins with it that is shown; an edit list can hide frames that
            others need, and a second field completes the frame of the packet before it.
        is_second_field: (P,) bool, it completes the frame of the packet before it.
        time_base: Seconds of one tick.
        truncation: The data that the container promises and the file lacks, in words; empty for a
            complete file.
        num_promised: The number of packets that the header promises, 0 if it promises none.
        has_timestamps: Whether every packet has time stamps of its own that order the frames.
    """

    pts: np.ndarray
    dts: np.ndarray
    sizes: np.ndarray
    is_keyframe: np.ndarray
    is_reference: np.ndarray
    is_shown: np.ndarray
    is_second_field: np.ndarray
    time_base: Fraction
    truncation: str
    num_promised: int
    has_timestamps: bool

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def is_complete(self) -> bool:
        """Whether the file holds all data that its container promises."""
        return not self.truncation


def scan_packets(
    container: InputContainer,
    stream: VideoStream,
    packets: Iterable[av.Packet] | None = None,
) -> PacketTable:
    """Read through all packets of a stream, in memory that grows by some 30 bytes a packet.

    Args:
        container: Just opened; it is left at its end.
        stream: Its stream to look at.
        packets: The stream's packets, for a caller that reads along.

    Raises:
        VideoError: Reading breaks off with an error.
    """
    headers = picture_headers(stream.codec_context)
    rows = _Rows()
    try:
        rows.read(container.demux(stream) if packets is None else packets, headers)
    except (av.FFmpegError, EOFError) as error:
        reason = f'reading breaks off after {len(rows)} frames: {why(error)}'
        raise VideoError(file_name(container), reason) from error
    return rows.table(container, stream)


class _Rows:
    """Collects the table's columns in compact arrays."""

    def __init__(self) -> None:
        self._pts, self._dts, self._sizes = array('q'), array('q'), array('q')
        self._keyframe, self._reference = bytearray(), bytearray()
        self._shown, self._second = bytearray(), bytearray()
        self._layers: set[int] = set()
        self._has_lowest_layer = False
        self._num_proven_keyframes = 0
        self._ends_cut = False

    def __len__(self) -> int:
        return len(self._pts)

    def read(self, packets: Iterable[av.Packet], headers: PictureHeaders) -> None:
        """Append packets; a plain loop, since a file has thousands of them."""
        all_pts, all_dts, sizes = self._pts, self._dts, self._sizes
        first_field: CodedPicture | None = None
        for packet in packets:
            pts, dts, size = packet.pts, packet.dts, packet.size
            if size == 0 and pts is None and dts is None:
                continue  # see `is_flush`
            view = memoryview(packet) if size else b''
            picture = headers.read(view) if size else _EMPTY
            completes = False
            if picture.field or first_field is not None:
                completes = picture.completes(first_field)
                first_field = picture if picture.field and not completes else None
            if completes:  # the decoder gives the frame the time of its first field
                pts = all_pts[-1]
            all_pts.append(_NO_TIMESTAMP if pts is None else pts)
            all_dts.append(_NO_TIMESTAMP if dts is None else dts)
            sizes.append(size)
            self._second.append(completes)
            self._keyframe.append(
                packet.is_keyframe and not completes and self._starts(view, headers)
            )
            self._reference.append(picture.is_reference)
            self._shown.append(picture.is_shown and not packet.is_discard and not completes)
            if picture.temporal_layer:
                self._layers.add(picture.temporal_layer)
            else:
                self._has_lowest_layer = True
            self._ends_cut = packet.is_corrupt

    def _starts(self, view: Packet, headers: PictureHeaders) -> bool:
        """Whether decoding can start at a packet that the container flags as a keyframe."""
        can_start = headers.can_start(view) if view else None
        self._num_proven_keyframes += can_start is True
        return can_start is not False

    def table(self, container: InputContainer, stream: VideoStream) -> PacketTable:
        """The finished table."""
        pts, dts = np.frombuffer(self._pts, np.int64), np.frombuffer(self._dts, np.int64)
        is_shown = np.frombuffer(self._shown, np.bool_)
        promised = _num_promised(container, stream)
        return PacketTable(
            pts=pts,
            dts=dts,
            sizes=np.frombuffer(self._sizes, np.int64),
            is_keyframe=self._proven_keyframes(),
            is_reference=self._references(),
            is_shown=is_shown,
            is_second_field=np.frombuffer(self._second, np.bool_),
            time_base=stream.time_base or Fraction(1, 1000),
            truncation=self._truncation(container, promised),
            num_promised=promised,
            has_timestamps=_orders_frames(pts, dts, is_shown)
            and not shows_by_decoding_order(container, stream),
        )

    def _proven_keyframes(self) -> np.ndarray:
        keyframe = np.frombuffer(self._keyframe, np.bool_).copy()
        if len(keyframe) > 1 and keyframe.all() and not self._num_proven_keyframes:
            # A file without a table of keyframes flags every packet, which then tells nothing.
            keyframe[1:] = False
        return keyframe

    def _references(self) -> np.ndarray:
        reference = np.frombuffer(self._reference, np.bool_).copy()
        if len(self._layers) + self._has_lowest_layer > 1:
            # A picture that its own layer does not need may still be needed by a higher one.
            reference[:] = True
        second = np.flatnonzero(np.frombuffer(self._second, np.bool_))
        reference[second] |= reference[second - 1]
        reference[second - 1] = reference[second]
        return reference

    def _truncation(self, container: InputContainer, promised: int) -> str:
        if container.format.name == 'avi':
            # Its count of frames includes those that were dropped.
            missing = num_missing_bytes(file_name(container)) if is_local(container) else 0
            if missing:
                return f'its header promises {missing} bytes more than it holds'
        elif len(self) < promised:
            return f'its header promises {promised} frames, it holds {len(self)}'
        return 'its last frame is cut off' if self._ends_cut else ''


def is_flush(packet: av.Packet) -> bool:
    """Whether this is the empty packet with which PyAV ends a stream."""
    return packet.size == 0 and packet.pts is None and packet.dts is None


def _orders_frames(pts: np.ndarray, dts: np.ndarray, is_shown: np.ndarray) -> bool:
    shown_pts = pts[is_shown]
    if not len(shown_pts) or (shown_pts == _NO_TIMESTAMP).any():
        return False
    known_dts = dts[dts != _NO_TIMESTAMP]
    has_jumps = bool((np.diff(known_dts) < 0).any())
    return len(set(shown_pts.tolist())) == len(shown_pts) and not has_jumps


def shows_by_decoding_order(container: InputContainer, stream: VideoStream) -> bool:
    """AVI stores no presentation times; FFmpeg's guess is wrong where frames are reordered."""
    return container.format.name == 'avi' and bool(stream.codec_context.has_b_frames)


def _num_promised(container: InputContainer, stream: VideoStream) -> int:
    # The sample table of mp4 and mov as it is after edit lists, which may drop samples.
    is_iso_media = 'mp4' in container.format.name
    return len(stream.index_entries) if is_iso_media else stream.frames
