"""Packets of a video stream, across the places where a transport stream gives it a new number.

A recorder that starts anew may go on in the same file under another number (PID), which FFmpeg
takes for another stream. What follows is then read as a file of its own.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from video_clips.reading.opening import file_name, is_local
from video_clips.reading.packets import is_flush

_KEPT_BACK = 3
"""Packets that the demuxer may give out late, at the end of the file, of a stream that is over."""


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
    place = yield from _demux_until_end(container, stream, 0)
    number = stream.id
    while place is not None:
        with _rest_of(file_name(container), place) as rest:
            following = _following(rest, stream, number) if rest is not None else None
            if rest is None or following is None:
                return 'the pictures go on under another number in a form that cannot be followed'
            number = following.id
            place = yield from _demux_until_end(rest, following, place)
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


def _following(container: InputContainer, before: VideoStream, number: int) -> VideoStream | None:
    """The stream of the same codec under another number than the one that has ended."""
    for stream in container.streams.video:
        decoder = stream.codec_context
        if stream.id != number and decoder and decoder.name == before.codec_context.name:
            return stream
    return None


def _demux_until_end(
    container: InputContainer, stream: VideoStream, offset: int
) -> Generator[Packet, None, int | None]:
    """Yield a stream's packets; return the place in the file from which another one goes on."""
    last_place = -1
    end: Packet | None = None
    first_places: dict[int, int] = {}
    num_since_new = None
    for packet in known_packets(container, *container.streams.video):
        if packet is None:
            num_since_new = 0 if num_since_new is None else num_since_new
        elif packet.stream_index == stream.index and is_flush(packet):
            end = packet
        elif packet.stream_index == stream.index:
            last_place = max(last_place, packet.pos or 0)
            num_since_new = None if num_since_new is None else num_since_new + 1
            yield packet
        elif packet.size:
            first_places.setdefault(packet.stream_index, packet.pos or 0)
    follows = any(place > last_place for place in first_places.values())
    follows |= num_since_new is not None and num_since_new <= _KEPT_BACK
    if follows:
        return offset + max(last_place, 0)
    if end is not None:
        yield end
    return None


def known_packets(container: InputContainer, *streams: VideoStream) -> Iterator[Packet | None]:
    """Packets of some streams; None for one of a stream that was not there at opening."""
    while True:
        try:
            yield from container.demux(*streams)
            return
        except IndexError:  # PyAV knows the streams of the opening alone
            yield None
