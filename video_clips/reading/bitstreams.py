"""Which packets no other frame needs: read from the first bytes of each coded picture.

A decoder may leave such a packet out and every other frame comes out bit by bit the same. H.264 and
HEVC say so in the header of each NAL unit: H.264 in ``nal_ref_idc`` (ITU-T H.264, 7.4.1), HEVC in
``nal_unit_type`` (ITU-T H.265, table 7-1). Of other codecs every packet counts as needed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av.codec.context import CodecContext

Packet = bytes | memoryview


@dataclass(frozen=True)
class CodedPicture:
    """What the header of a coded picture tells.

    Attributes:
        is_reference: Whether other frames are predicted from it.
        temporal_layer: Its layer; frames of higher layers may need it even if its own do not.
    """

    is_reference: bool
    temporal_layer: int = 0


_NEEDED = CodedPicture(is_reference=True)
_H264_PARAMETER_SETS = (7, 8, 13, 15)
_HEVC_PARAMETER_SETS = (32, 33, 34)


def picture_reader(codec: CodecContext) -> Callable[[Packet], CodedPicture]:
    """The function that reads the header of this codec's packets."""
    if codec.name == 'h264':
        return _Nalus(_length_size(codec.extradata, offset=4), _h264_picture)
    if codec.name == 'hevc':
        return _Nalus(_length_size(codec.extradata, offset=21), _hevc_picture)
    return lambda packet: _NEEDED


def _length_size(extradata: bytes | None, offset: int) -> int:
    """Bytes of a NAL unit's length in mp4 and Matroska; 0 where start codes separate the units."""
    if extradata and len(extradata) > offset and extradata[0] == 1:
        return (extradata[offset] & 3) + 1
    return 0


@dataclass(frozen=True)
class _Nalus:
    """Splits packets into NAL units, whose first two bytes ``read`` looks at."""

    length_size: int
    read: Callable[[Iterator[tuple[int, int]]], CodedPicture]

    def __call__(self, packet: Packet) -> CodedPicture:
        units = self._with_lengths if self.length_size else self._with_start_codes
        return self.read(units(packet))

    def _with_lengths(self, packet: Packet) -> Iterator[tuple[int, int]]:
        at, size, end = 0, self.length_size, len(packet) - 1
        while at + size < end:
            yield packet[at + size], packet[at + size + 1]
            at += size + int.from_bytes(packet[at : at + size], 'big')

    def _with_start_codes(self, packet: Packet) -> Iterator[tuple[int, int]]:
        data = bytes(packet)
        at = data.find(b'\0\0\1')
        while 0 <= at < len(data) - 4:
            yield data[at + 3], data[at + 4]
            at = data.find(b'\0\0\1', at + 3)


def _h264_picture(units: Iterator[tuple[int, int]]) -> CodedPicture:
    found_picture = False
    for header, _ in units:
        unit_type = header & 31
        if unit_type in _H264_PARAMETER_SETS:
            return _NEEDED
        if 1 <= unit_type <= 5:
            if header >> 5 & 3:
                return _NEEDED
            found_picture = True
    return CodedPicture(is_reference=not found_picture)


def _hevc_picture(units: Iterator[tuple[int, int]]) -> CodedPicture:
    picture = _NEEDED
    for first, second in units:
        unit_type = first >> 1 & 63
        if unit_type in _HEVC_PARAMETER_SETS:
            return CodedPicture(is_reference=True, temporal_layer=(second & 7) - 1)
        if unit_type < 32:
            # Types below 16 with an even number are not used by pictures of their own layer.
            not_needed = unit_type < 16 and unit_type % 2 == 0
            picture = CodedPicture(not not_needed, (second & 7) - 1)
    return picture
