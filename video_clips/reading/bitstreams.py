"""Picture headers of every codec but H.264's, and the choice of a codec's reader."""

from collections.abc import Callable, Iterator

from av.codec.context import CodecContext

from video_clips.reading.coded_pictures import (
    NEEDED,
    CodedPicture,
    Packet,
    PictureHeaders,
    length_size,
    units_with_lengths,
    units_with_start_codes,
)
from video_clips.reading.h264 import H264Headers

_HIDDEN = CodedPicture(is_reference=True, is_shown=False)


def picture_headers(codec: CodecContext) -> PictureHeaders:
    """The reader of this codec's picture headers."""
    if codec.name == 'h264':
        return H264Headers(codec.extradata)
    if codec.name == 'hevc':
        return _HevcHeaders(codec.extradata)
    headers = _HEADERS.get(codec.codec.canonical_name)
    return headers() if headers else PictureHeaders(codec.codec.intra_only)


_HEVC_PARAMETER_SETS = (32, 33, 34)
_HEVC_RANDOM_ACCESS = range(16, 24)


class _HevcHeaders(PictureHeaders):
    def __init__(self, extradata: bytes | None) -> None:
        super().__init__()
        self._length_size = length_size(extradata, offset=21)

    def _units(self, packet: Packet) -> Iterator[tuple[int, int]]:
        if self._length_size:
            starts = units_with_lengths(packet, self._length_size)
        else:
            packet = bytes(packet)
            starts = units_with_start_codes(packet)
        return ((packet[at] >> 1 & 63, (packet[at + 1] & 7) - 1) for at in starts)

    def read(self, packet: Packet) -> CodedPicture:
        picture = NEEDED
        for unit_type, layer in self._units(packet):
            if unit_type in _HEVC_PARAMETER_SETS:
                return CodedPicture(is_reference=True, temporal_layer=layer)
            if unit_type < 32:
                # Types below 16 with an even number are not used by pictures of their own layer.
                not_needed = unit_type < 16 and unit_type % 2 == 0
                picture = CodedPicture(not not_needed, layer)
        return picture

    def can_start(self, packet: Packet) -> bool | None:
        pictures = [unit_type for unit_type, _ in self._units(packet) if unit_type < 32]
        return all(kind in _HEVC_RANDOM_ACCESS for kind in pictures) if pictures else None


class _Vp8Headers(PictureHeaders):
    """RFC 6386, 9.1: the lowest bit is 0 in a keyframe, the fifth is 1 in a shown frame."""

    def read(self, packet: Packet) -> CodedPicture:
        return NEEDED if packet[0] & 0x10 else _HIDDEN

    def can_start(self, packet: Packet) -> bool | None:
        return not packet[0] & 1


class _Vp9Headers(PictureHeaders):
    """The first byte of the uncompressed header (VP9 bitstream specification, 6.2)."""

    def read(self, packet: Packet) -> CodedPicture:
        ends_with_superframe_index = packet[-1] & 0xE0 == 0xC0
        if ends_with_superframe_index or self._bit(packet, 0):  # 0: show_existing_frame
            return NEEDED
        return NEEDED if self._bit(packet, 2) else _HIDDEN

    def can_start(self, packet: Packet) -> bool | None:
        return not self._bit(packet, 0) and not self._bit(packet, 1)

    @staticmethod
    def _bit(packet: Packet, number: int) -> int:
        """A bit behind the frame marker and the profile, which has a bit more in profile 3."""
        first = 5 if packet[0] >> 4 & 3 == 3 else 4
        return int.from_bytes(packet[:2], 'big') >> (15 - first - number) & 1


def _coding_type_reader(
    start_code: bytes, offset: int, shift: int, mask: int, intra: int
) -> Callable[[], PictureHeaders]:
    """Headers that tell an intra picture by a few bits at a place behind a start code."""

    class Headers(PictureHeaders):
        def can_start(self, packet: Packet) -> bool | None:
            data = bytes(packet)
            at = data.find(start_code)
            place = at + len(start_code) + offset
            if at < 0 or place >= len(data):
                return None
            return data[place] >> shift & mask == intra

    return Headers


class _H263Headers(PictureHeaders):
    """ITU-T H.263, 5.1: bit 9 of PTYPE, unless its source format announces the longer PLUSPTYPE."""

    def can_start(self, packet: Packet) -> bool | None:
        bits = int.from_bytes(packet[:5], 'big')
        is_picture = bits >> 18 == 0b100000
        return None if not is_picture or bits >> 2 & 7 == 7 else not bits >> 1 & 1


_MPEG12 = _coding_type_reader(b'\0\0\1\0', offset=1, shift=3, mask=7, intra=1)
_HEADERS: dict[str, Callable[[], PictureHeaders]] = {
    'vp8': _Vp8Headers,
    'vp9': _Vp9Headers,
    'mpeg1video': _MPEG12,
    'mpeg2video': _MPEG12,
    'mpeg4': _coding_type_reader(b'\0\0\1\xb6', offset=0, shift=6, mask=3, intra=0),
    'h263': _H263Headers,
}
