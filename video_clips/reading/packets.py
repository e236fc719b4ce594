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

from video_clips.reading.bitstreams import picture_reader
from video_clips.reading.opening import VideoError, why

_NO_TIMESTAMP = -(2**63)


@dataclass(frozen=True, eq=False)
class PacketTable:
    """One row for each packet, in file order.

    Attributes:
        pts: (P,) int64, when its frame is shown, in ``time_base``.
        dts: (P,) int64, when it is decoded.
        sizes: (P,) int64, bytes.
        is_keyframe: (P,) bool, decoding can start here.
        is_reference: (P,) bool, other frames need it; False is certain, True may be caution.
        is_shown: (P,) bool, its frame is shown; an edit list can hide frames that others need.
        time_base: Seconds of one tick.
        is_complete: Whether the file holds as many packets as its header promises.
        num_promised: The number that the header promises, 0 if it promises none.
        has_timestamps: Whether every packet has time stamps of its own that order the frames.
    """

    pts: np.ndarray
    dts: np.ndarray
    sizes: np.ndarray
    is_keyframe: np.ndarray
    is_reference: np.ndarray
    is_shown: np.ndarray
    time_base: Fraction
    is_complete: bool
    num_promised: int
    has_timestamps: bool

    def __len__(self) -> int:
        return len(self.pts)


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
    read_picture = picture_reader(stream.codec_context)
    pts, dts, sizes = array('q'), array('q'), array('q')
    keyframe, reference, shown = bytearray(), bytearray(), bytearray()
    layers = set()
    ends_cut = False
    try:
        for packet in container.demux(stream) if packets is None else packets:
            if is_flush(packet):
                continue
            pts.append(_NO_TIMESTAMP if packet.pts is None else packet.pts)
            dts.append(_NO_TIMESTAMP if packet.dts is None else packet.dts)
            sizes.append(packet.size)
            picture = read_picture(memoryview(packet)) if packet.size else None
            keyframe.append(packet.is_keyframe)
            reference.append(picture is not None and picture.is_reference)
            shown.append(picture is not None and not packet.is_discard)
            ends_cut = packet.is_corrupt
            if picture is not None:
                layers.add(picture.temporal_layer)
    except (av.FFmpegError, EOFError) as error:
        name = container.name.removeprefix('file:')
        raise VideoError(
            name, f'reading breaks off after {len(pts)} frames: {why(error)}'
        ) from error
    if len(layers) > 1:
        # A picture that its own layer does not need may still be needed by a higher one.
        reference = bytearray(b'\1') * len(reference)
    promised = _num_promised(container, stream)
    is_shown = np.frombuffer(shown, np.bool_)
    stamps = np.frombuffer(pts, np.int64), np.frombuffer(dts, np.int64)
    return PacketTable(
        pts=stamps[0],
        dts=stamps[1],
        sizes=np.frombuffer(sizes, np.int64),
        is_keyframe=np.frombuffer(keyframe, np.bool_),
        is_reference=np.frombuffer(reference, np.bool_),
        is_shown=is_shown,
        time_base=stream.time_base or Fraction(1, 1000),
        is_complete=len(pts) >= promised and not ends_cut,
        num_promised=promised,
        has_timestamps=_orders_frames(*stamps, is_shown) and not _invents_pts(container, stream),
    )


def is_flush(packet: av.Packet) -> bool:
    """Whether this is the empty packet with which PyAV ends a stream."""
    return packet.size == 0 and packet.pts is None and packet.dts is None


def _orders_frames(pts: np.ndarray, dts: np.ndarray, is_shown: np.ndarray) -> bool:
    if not len(pts) or (pts == _NO_TIMESTAMP).any():
        return False
    shown_pts = pts[is_shown]
    known_dts = dts[dts != _NO_TIMESTAMP]
    has_jumps = bool((np.diff(known_dts) < 0).any())
    return len(np.unique(shown_pts)) == len(shown_pts) and not has_jumps


def _invents_pts(container: InputContainer, stream: VideoStream) -> bool:
    """AVI stores no presentation times; FFmpeg's guess is wrong where frames are reordered."""
    return container.format.name == 'avi' and stream.codec_context.has_b_frames


def _num_promised(container: InputContainer, stream: VideoStream) -> int:
    # The sample table of mp4 and mov as it is after edit lists, which may drop samples.
    is_iso_media = 'mp4' in container.format.name
    return len(stream.index_entries) if is_iso_media else stream.frames
