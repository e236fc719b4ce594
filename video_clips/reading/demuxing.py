"""Packets of a video stream, across the places where a transport stream gives it a new number.

A recorder that starts anew may go on in the same file under another number (PID), which FFmpeg
takes for another stream. What follows is then read as a file of its own.
"""

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from video_clips.reading.opening import file_name, is_local
from video_clips.reading.packets import is_flush


def demux_video(container: InputContainer, stream: VideoStream) -> Generator[Packet, None, str]:
    """Packets of a video stream and of those that go on where it ends.

    A stream that runs side by side with the first one is left alone.

    Args:
        container: An open container; only a local transport stream is followed.
        stream: Its stream to begin with.

    Returns:
        Why what follows cannot be read; empty if nothing is left.
    """
    if container.format.name != 'mpegts' or not is_local(container):
        yield from container.demux(stream)
        return ''
    number, beside = stream.id, {other.id for other in container.streams}
    place, follows, end = yield from _demux_until_end(container, stream, 0)
    while True:
        with _rest_of(file_name(container), place) as rest:
            # What was there at opening and does not follow runs side by side.
            others = {number} if follows else beside
            following = _following(rest, stream, others) if rest is not None else None
            if rest is None or following is None:
                follows |= rest is not None and any(
                    other.id not in beside for other in rest.streams.video
                )
                break
            number, beside = following.id, {other.id for other in rest.streams}
            place, follows, _ = yield from _demux_until_end(rest, following, place)
    if follows:
        return 'the pictures go on under another number in a form that cannot be followed'
    if end is not None:
        yield end
    return ''


@contextmanager
def _rest_of(name: str, place: int) -> Iterator[InputContainer | None]:
    """Open the part of a transport stream from some place on; None if it cannot be read."""
    with _FileFrom(name, place) as file:
        try:
            container = av.open(BufferedReader(file), 'r', format='mpegts')
        except (av.FFmpegError, EOFError):
            yield None
            return
        with container:
            yield container


class _FileFrom(FileIO):
    """A file whose first bytes are hidden."""

    def __init__(self, name: str, first: int) -> None:
        super().__init__(name)
        self._first = first
        super().seek(first)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek, counting from the first byte that is not hidden."""
        return super().seek(offset + self._first if whence == 0 else offset, whence) - self._first

    def tell(self) -> int:
        """The position behind the first byte that is not hidden."""
        return super().tell() - self._first


def _following(
    container: InputContainer, before: VideoStream, others: Collection[int]
) -> VideoStream | None:
    """The stream of the same codec under a number that is not among others."""
    for stream in container.streams.video:
        decoder = stream.codec_context
        if stream.id not in others and decoder and decoder.name == before.codec_context.name:
            return stream
    return None


def _demux_until_end(
    container: InputContainer, stream: VideoStream, offset: int
) -> Generator[Packet, None, tuple[int, bool, Packet | None]]:
    """Yield a stream's packets.

    Returns:
        The place in the file of its last one, whether one of another stream was seen behind it, and
        the packet that ends the stream. PyAV shows a stream that was not there at opening by chance
        alone: only looking behind that place is sure.
    """
    last_place = -1
    end: Packet | None = None
    first_places: dict[int, int] = {}
    for packet in known_packets(container, *container.streams.video):
        if packet is None:
            continue
        if packet.stream_index == stream.index and is_flush(packet):
            end = packet
        elif packet.stream_index == stream.index:
            last_place = max(last_place, packet.pos or 0)
            yield packet
        elif packet.size:
            first_places.setdefault(packet.stream_index, packet.pos or 0)
    follows = any(place > last_place for place in first_places.values())
    return offset + max(last_place, 0), follows, end


def known_packets(container: InputContainer, *streams: VideoStream) -> Iterator[Packet | None]:
    """Packets of some streams; None for one of a stream that was not there at opening."""
    while True:
        try:
            yield from container.demux(*streams)
            return
        except IndexError:  # PyAV knows the streams of the opening alone
            yield None
