"""Packets of a file's video stream from any position on, and the decoder that takes them."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame

from video_clips.reading.demuxing import demux_video, known_packets
from video_clips.reading.opening import best_stream, open_container
from video_clips.reading.packets import PacketTable, is_flush, scan_packets

_MOST_BYTES_KEPT = 8 * 2**20


class PacketReader:
    """An open video file that can be read again and again.

    Args:
        path: The file.
        num_threads: Threads of the decoder; 0 lets it choose.
        skip_loop_filter: Leave out the smoothing of block edges, which changes the pictures.

    Attributes:
        container: The open container.
        stream: Its video stream.
        header_size: Width and height of the stream before anything is decoded.
    """

    def __init__(
        self, path: str | Path, num_threads: int = 1, skip_loop_filter: bool = False
    ) -> None:
        self.path = str(path)
        self.num_threads = num_threads
        self.skip_loop_filter = skip_loop_filter
        self._open()

    def _open(self) -> None:
        self._kept: list[Packet] | None = None
        self.container = open_container(self.path)
        self.stream = best_stream(self.container)
        decoder = self.stream.codec_context
        self.header_size = decoder.width, decoder.height
        decoder.thread_count = self.num_threads
        decoder.thread_type = 'SLICE' if self.num_threads == 1 else 'AUTO'
        if self.skip_loop_filter:
            decoder.options = {'skip_loop_filter': 'all'}
        self._is_untouched = True
        self._is_open = True

    def close(self) -> None:
        """Close the file; reading from it again opens it again."""
        self._kept = None
        self._is_open = False
        self.container.close()

    def scan(self) -> PacketTable:
        """Read through the file once for the table of its packets.

        The packets of a short file stay in memory, so that decoding need not read them again.
        """
        self._is_untouched = False
        self._unread = ''
        table = scan_packets(self.container, self.stream, self._demux_and_keep())
        return replace(table, truncation=table.truncation or self._unread)

    def _demux_and_keep(self) -> Iterator[Packet]:
        kept: list[Packet] | None = []
        num_bytes = 0
        packets = demux_video(self.container, self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration as end:
                self._unread = end.value
                break
            num_bytes += packet.size
            if num_bytes > _MOST_BYTES_KEPT:
                kept = None
            if kept is not None:
                kept.append(packet)
            yield packet
        self._kept = kept

    def packets(self, table: PacketTable, start: int = 0) -> Iterator[tuple[int, Packet]]:
        """Read on from a keyframe.

        Args:
            table: The stream's packets.
            start: Position of a keyframe in the table, or 0.

        Yields:
            Positions and packets in file order. The first may come before ``start``, where the
            container's own index is coarser than the table; never after it.
        """
        position, packets = self._jump(table, start)
        for packet in packets:
            if not is_flush(packet):
                yield position, packet
                position += 1

    def decode(self, packet: Packet | None) -> list[VideoFrame]:
        """Frames that come out after this packet; None empties the decoder and readies it anew."""
        frames = self.stream.codec_context.decode(packet)
        if packet is None:
            self.stream.codec_context.flush_buffers()
        return frames

    def _jump(self, table: PacketTable, start: int) -> tuple[int, Iterable[Packet]]:
        if not self._is_open:
            self._open()
        if self._kept is not None:
            self.stream.codec_context.flush_buffers()
            return start, itertools.islice(self._kept, start, None)
        if self._is_untouched and start == 0:
            self._is_untouched = False
            return 0, demux_video(self.container, self.stream)
        if table.has_timestamps:
            # The index of mp4 and mov is sorted by decoding time, those of others by showing time.
            is_iso_media = 'mp4' in self.container.format.name
            stamps = table.dts if is_iso_media else table.pts
            landed = self._seek(table, int(stamps[start]))
            if landed is not None and landed[0] <= start:
                return landed
        self.close()
        self._open()
        self._is_untouched = False
        return 0, demux_video(self.container, self.stream)

    def _seek(self, table: PacketTable, stamp: int) -> tuple[int, Iterable[Packet]] | None:
        """Seek, and tell by its time stamp which packet comes first; None if that is impossible."""
        self._is_untouched = False
        try:
            self.container.seek(stamp, stream=self.stream)
            packets = filter(None, known_packets(self.container, self.stream))
            first = next(packets, None)
        except (av.FFmpegError, EOFError):
            return None
        if first is None or first.pts is None:
            return None
        found = np.flatnonzero((table.pts == first.pts) & ~table.is_second_field)
        if len(found) != 1:
            return None
        return int(found[0]), itertools.chain([first], packets)
