"""H.264 whose frames are coded as two fields each (PAFF), which no free encoder writes."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.data_analysis.rendering import picture_of

SIDE = 32
_FRAME_NUM_BITS = 4


class BitWriter:
    """Bits of a NAL unit's payload."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def number(self, value: int, width: int) -> 'BitWriter':
        self._bits += [value >> bit & 1 for bit in reversed(range(width))]
        return self

    def golomb(self, *values: int) -> 'BitWriter':
        for value in values:
            self.number(value + 1, 2 * (value + 1).bit_length() - 1)
        return self

    def align(self, bit: int = 0) -> 'BitWriter':
        while len(self._bits) % 8:
            self._bits.append(bit)
        return self

    def samples(self, values: np.ndarray) -> 'BitWriter':
        for value in values.ravel().tolist():
            self.number(value, 8)
        return self

    def unit(self, header: int) -> bytes:
        """The NAL unit with start code, trailing bits and guards against false start codes."""
        self._bits.append(1)
        data = np.packbits(self.align()._bits).tobytes()
        guarded, zeros = bytearray(), 0
        for byte in data:
            if zeros == 2 and byte < 4:
                guarded.append(3)
                zeros = 0
            zeros = zeros + 1 if byte == 0 else 0
            guarded.append(byte)
        return b'\0\0\0\1' + bytes([header]) + bytes(guarded)


def _parameter_sets() -> bytes:
    sequence = BitWriter().number(77, 8).number(0, 8).number(30, 8).golomb(0, 0, 2, 1)
    # Width and height in macroblocks, fields allowed, no macroblocks of both kinds in one frame.
    sequence.number(0, 1).golomb(SIDE // 16 - 1, SIDE // 32 - 1).number(0b001000, 6)
    picture = BitWriter().golomb(0, 0).number(0, 2).golomb(0, 0, 0).number(0, 3).golomb(0, 0, 0)
    return sequence.unit(0x67) + picture.number(0, 3).unit(0x68)


def _field(number: int, is_bottom: bool) -> bytes:
    """A field of uncompressed macroblocks."""
    is_idr = number == 0 and not is_bottom
    writer = BitWriter().golomb(0, 7, 0).number(number % 2**_FRAME_NUM_BITS, _FRAME_NUM_BITS)
    writer.number(1, 1).number(is_bottom, 1)
    if is_idr:
        writer.golomb(0).number(0, 2)
    else:
        writer.number(0, 1)
    writer.golomb(0)
    luma = picture_of(number, SIDE, SIDE)[is_bottom::2, :, 0]
    for left in range(0, SIDE, 16):
        writer.golomb(25).align().samples(luma[:, left : left + 16])
        writer.samples(np.full(128, 128))
    return writer.unit(0x65 if is_idr else 0x21)


def render_fields(path: Path, num_frames: int, fps: int = 25) -> Path:
    """Write a video of numbered frames in two fields; a raw stream unless the suffix differs."""
    raw = path.with_suffix('.h264')
    fields = [_field(number, bottom) for number in range(num_frames) for bottom in (False, True)]
    raw.write_bytes(_parameter_sets() + b''.join(fields))
    if path != raw:
        with av.open(str(raw), format='h264') as source, av.open(str(path), 'w') as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            packets = [packet for packet in source.demux(video=0) if packet.size]
            assert len(packets) == 2 * num_frames
            for number, packet in enumerate(packets):
                packet.stream, packet.time_base = stream, Fraction(1, 2 * fps)
                packet.pts = packet.dts = number
                target.mux(packet)
        raw.unlink()
    return path
