"""Facts that the first bytes of a coded picture hold, read without decoding it.

A packet that no other frame needs may be left out, and every other frame comes out bit by bit the
same: H.264 says so in ``nal_ref_idc`` (ITU-T H.264, 7.4.1), HEVC in ``nal_unit_type`` (ITU-T H.265,
table 7-1). Other facts are whether a picture is shown at all (VP8, VP9), whether it is one field of
a frame (H.264, see `h264`), and whether decoding can start at it. Where a header does not say,
every packet counts as needed and shown, and the container's flag of keyframes decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Packet = bytes | memoryview


@dataclass(frozen=True)
class CodedPicture:
    """The contents of a picture's header.

    Attributes:
        is_reference: Whether other frames are predicted from it.
        temporal_layer: Its layer; frames of higher layers may need it even if its own do not.
        is_shown: Whether a frame comes out; an alternate reference frame is only predicted from.
        field: Which field of a frame it is: 1 the top, 2 the bottom one, 0 a whole frame.
        frame_num: H.264's number of the frame that a field belongs to.
    """

    is_reference: bool
    temporal_layer: int = 0
    is_shown: bool = True
    field: int = 0
    frame_num: int = 0

    def completes(self, first: 'CodedPicture | None') -> bool:
        """Whether it is the second field of the frame that `first` began."""
        return (
            first is not None
            and self.field + first.field == 3
            and self.field != 0
            and self.frame_num == first.frame_num
        )


class PictureHeaders:
    """Reader of one stream's picture headers; this one knows nothing about the codec.

    Args:
        has_intra_pictures_only: Whether decoding can start at any picture of this codec.
    """

    def __init__(self, has_intra_pictures_only: bool = False) -> None:
        self.has_intra_pictures_only = has_intra_pictures_only

    def read(self, packet: Packet) -> CodedPicture:
        """The facts about a packet's picture."""
        return NEEDED

    def can_start(self, packet: Packet) -> bool | None:
        """Whether decoding can start at this packet; None where its header does not tell."""
        return True if self.has_intra_pictures_only else None


NEEDED = CodedPicture(is_reference=True)


def length_size(extradata: bytes | None, offset: int) -> int:
    """Bytes of a NAL unit's length in mp4 and Matroska; 0 where start codes separate the units."""
    if extradata and len(extradata) > offset and extradata[0] == 1:
        return (extradata[offset] & 3) + 1
    return 0


def units_with_lengths(packet: Packet, size: int) -> Iterator[int]:
    """Where each NAL unit with two bytes or more begins, behind its length."""
    at, end = 0, len(packet) - 1
    while at + size < end:
        yield at + size
        at += size + int.from_bytes(packet[at : at + size], 'big')


def units_with_start_codes(data: bytes) -> Iterator[int]:
    """Where each NAL unit with two bytes or more begins, behind its start code."""
    at = data.find(b'\0\0\1')
    while 0 <= at < len(data) - 4:
        yield at + 3
        at = data.find(b'\0\0\1', at + 3)
