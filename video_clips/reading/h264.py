"""Headers of H.264 pictures: which are needed, which are fields, where decoding can start.

Paragraphs are those of ITU-T H.264. Only streams that may be interlaced have their slices read:
fields of one frame then come in packets of their own (7.4.1.2.4), and two of them are one frame.
"""

from collections.abc import Iterator

from video_clips.reading.coded_pictures import (
    NEEDED,
    CodedPicture,
    Packet,
    PictureHeaders,
    length_size,
    units_with_lengths,
    units_with_start_codes,
)

_SLICES = range(1, 6)
_IDR, _SEI, _SPS, _PPS = 5, 6, 7, 8
_PARAMETER_SETS = (_SPS, _PPS, 13, 15)
_RECOVERY_POINT = 6
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
# The longest header up to the field's bits; an escape every other byte doubles it.
_SLICE_HEADER_BYTES = 32
_NOT_NEEDED = CodedPicture(is_reference=False)


class Bits:
    """Bits of a NAL unit's payload, without the bytes that guard against false start codes."""

    def __init__(self, payload: bytes) -> None:
        data = payload.replace(b'\0\0\3', b'\0\0')
        self._value = int.from_bytes(data, 'big')
        self._left = 8 * len(data)

    def number(self, width: int) -> int:
        """Read an unsigned number of this many bits, u(n)."""
        self._left -= width
        if self._left < 0:
            raise ValueError('the header ends too early')
        return self._value >> self._left & ((1 << width) - 1)

    def golomb(self) -> int:
        """Read an unsigned number, ue(v) (9.1)."""
        zeros = 0
        while not self.number(1):
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)

    def signed_golomb(self) -> int:
        """Read a signed number, se(v) (9.1.1)."""
        number = self.golomb()
        return (number + 1) // 2 if number % 2 else -(number // 2)


class _SequenceParameters:
    """The start of a sequence parameter set (7.3.2.1.1), as far as slices depend on it."""

    def __init__(self, payload: bytes) -> None:
        bits = Bits(payload)
        profile = bits.number(8)
        bits.number(16)
        self.identifier = bits.golomb()
        self.has_colour_planes = False
        if profile in _HIGH_PROFILES:
            self._read_high_profile(bits)
        self.frame_num_bits = bits.golomb() + 4
        self._skip_picture_order(bits)
        bits.golomb()  # reference frames
        bits.number(1)
        bits.golomb()  # width and height in macroblocks
        bits.golomb()
        self.has_frames_only = bool(bits.number(1))

    def _read_high_profile(self, bits: Bits) -> None:
        chroma_format = bits.golomb()
        if chroma_format == 3:
            self.has_colour_planes = bool(bits.number(1))
        bits.golomb()
        bits.golomb()
        bits.number(1)
        if bits.number(1):  # scaling matrices
            for number in range(12 if chroma_format == 3 else 8):
                if bits.number(1):
                    _skip_scaling_list(bits, 16 if number < 6 else 64)

    @staticmethod
    def _skip_picture_order(bits: Bits) -> None:
        kind = bits.golomb()
        if kind == 0:
            bits.golomb()
        elif kind == 1:
            bits.number(1)
            bits.signed_golomb()
            bits.signed_golomb()
            for _ in range(bits.golomb()):
                bits.signed_golomb()


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


class H264Headers(PictureHeaders):
    """Reader of H.264's picture headers.

    Args:
        extradata: The container's decoder configuration, or None.
    """

    def __init__(self, extradata: bytes | None) -> None:
        super().__init__()
        self._length_size = length_size(extradata, offset=4)
        self._sequences: dict[int, _SequenceParameters] = {}
        self._sequence_of: dict[int, int] = {}
        self._may_have_fields = False
        if extradata:
            self._learn_from(extradata)

    def _learn_from(self, extradata: bytes) -> None:
        """Read the parameter sets of an AVCDecoderConfigurationRecord, or behind start codes."""
        if not self._length_size:
            units = list(units_with_start_codes(extradata))
            for at, stop in zip(units, [*units[1:], len(extradata)], strict=True):
                self._learn(extradata[at:stop])
            return
        at = 5
        for mask in (31, 255):
            count, at = (extradata[at] & mask if at < len(extradata) else 0), at + 1
            for _ in range(count):
                size = int.from_bytes(extradata[at : at + 2], 'big')
                self._learn(extradata[at + 2 : at + 2 + size])
                at += 2 + size

    def _learn(self, unit: bytes) -> None:
        kind = unit[0] & 31 if unit else 0
        try:
            if kind == _SPS:
                sequence = _SequenceParameters(unit[1:])
                self._sequences[sequence.identifier] = sequence
                self._may_have_fields |= not sequence.has_frames_only
            elif kind == _PPS:
                bits = Bits(unit[1:])
                self._sequence_of[bits.golomb()] = bits.golomb()
        except ValueError:
            pass  # A damaged set; the decoder will complain about it.

    def _units(self, packet: Packet) -> Iterator[int]:
        if self._length_size:
            return units_with_lengths(packet, self._length_size)
        return units_with_start_codes(bytes(packet))

    def read(self, packet: Packet) -> CodedPicture:
        """The facts in the headers of a packet's slices."""
        if self._length_size and not self._may_have_fields:
            header = self._first_slice(packet)
            if header is not None:
                return NEEDED if header >> 5 & 3 else _NOT_NEEDED
        found_picture = is_needed = False
        field, frame_num, num_fields = 0, 0, set()
        if not self._length_size:
            packet = bytes(packet)
        for at in self._units(packet):
            header = packet[at]
            kind = header & 31
            if kind in _PARAMETER_SETS:
                is_needed = True
                if kind in (_SPS, _PPS):
                    self._learn(bytes(packet[at : at + 512]))
            elif kind in _SLICES:
                found_picture = True
                is_needed |= bool(header >> 5 & 3)
                if not self._may_have_fields:
                    break
                field, frame_num = self._field(packet, at)
                num_fields.add(field)
        if len(num_fields) == 1 and field:
            return CodedPicture(is_needed, field=field, frame_num=frame_num)
        return _NOT_NEEDED if found_picture and not is_needed else NEEDED

    def _first_slice(self, packet: Packet) -> int | None:
        """The first byte of the first slice; None if something else must be read before.

        Nearly every packet of nearly every file is read by these lines alone.
        """
        at, end = self._length_size, len(packet) - 1
        while at < end:
            header = packet[at]
            if header & 31 in _SLICES:
                return header
            if header & 31 in _PARAMETER_SETS:
                return None
            at += self._length_size + int.from_bytes(packet[at - self._length_size : at], 'big')
        return None

    def _field(self, packet: Packet, at: int) -> tuple[int, int]:
        """Which field a slice belongs to (0: a frame), and the frame's number (7.3.3)."""
        try:
            bits = Bits(bytes(packet[at + 1 : at + 1 + _SLICE_HEADER_BYTES]))
            bits.golomb()
            bits.golomb()
            sequence = self._sequences[self._sequence_of[bits.golomb()]]
            if sequence.has_colour_planes:
                bits.number(2)
            frame_num = bits.number(sequence.frame_num_bits)
            if sequence.has_frames_only or not bits.number(1):
                return 0, frame_num
            return 1 + bits.number(1), frame_num
        except (ValueError, KeyError):
            return 0, 0

    def can_start(self, packet: Packet) -> bool | None:
        """A picture of intra slices alone, or one with a recovery point before it (D.2.8)."""
        found_intra = None
        for at in self._units(packet):
            kind = packet[at] & 31
            if kind == _IDR or (kind == _SEI and packet[at + 1] == _RECOVERY_POINT):
                return True
            if kind in _SLICES:
                try:
                    bits = Bits(bytes(packet[at + 1 : at + 1 + _SLICE_HEADER_BYTES]))
                    bits.golomb()
                    is_intra = bits.golomb() % 5 in (2, 4)
                except ValueError:
                    return None
                if self._may_have_fields:
                    return is_intra  # The second field may be predicted from the first.
                found_intra = is_intra and found_intra is not False
        return found_intra
