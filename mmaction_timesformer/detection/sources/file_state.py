"""Whether a recording is the one that was read before, still grows, or lacks promised data."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

_SAMPLE_BYTES = 1 << 14
_ISO_BOXES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'moof', b'uuid', b'sidx')
_EBML = b'\x1aE\xdf\xa3'
_SEGMENT = b'\x18S\x80g'

Change = Literal['same', 'grown', 'other']


@dataclass(frozen=True)
class Stamp:
    """Size and time of a file, to notice that it changes."""

    size: int
    modified: float

    @classmethod
    def of(cls, path: str | Path) -> Stamp:
        """Read the stamp of a file."""
        status = os.stat(path)
        return cls(status.st_size, status.st_mtime)


def identify(path: str | Path, size: int | None = None) -> dict[str, Any]:
    """Identify a recording by size, time and samples of its content.

    Args:
        path: The file.
        size: Identify only its first bytes, as if it had not grown since.
    """
    stamp = Stamp.of(path)
    size = stamp.size if size is None else min(size, stamp.size)
    with open(path, 'rb') as stream:
        digests = [_digest(stream, quarter * size // 4, size) for quarter in range(5)]
    return {'size': size, 'modified': round(stamp.modified, 3), 'digests': digests}


def compare(path: str | Path, known: Mapping[str, Any]) -> Change:
    """Compare a file with the identity of what was read under its name.

    Returns:
        ``same``; ``grown`` if it goes on behind what was read; ``other`` if its content is another.
        A muxer may rewrite the head when it finishes a file, so a grown file is told by the rest.
    """
    try:
        size = os.stat(path).st_size
        if size < known['size']:
            return 'other'
        now = identify(path, known['size'])
    except OSError:
        return 'same'
    if size == known['size']:
        return 'same' if now['digests'] == known['digests'] else 'other'
    return 'grown' if now['digests'][1:4] == known['digests'][1:4] else 'other'


def short_name(identity: Mapping[str, Any]) -> str:
    """A few letters that tell recordings of one name apart."""
    return hashlib.sha256(repr(identity['digests']).encode()).hexdigest()[:6]


def missing_bytes(path: str | Path) -> int:
    """How many bytes the container's own lengths promise beyond the end of the file.

    Known are ISO media files (mp4, mov), RIFF (avi) and Matroska; 0 for everything else.
    """
    size = os.stat(path).st_size
    with open(path, 'rb') as stream:
        head = stream.read(12)
        if head[4:8] in _ISO_BOXES:
            promised = _end_of_boxes(stream, size)
        elif head[:4] == b'RIFF':
            promised = 8 + struct.unpack('<I', head[4:8])[0]
        elif head[:4] == _EBML:
            promised = _end_of_segment(stream)
        else:
            promised = 0
    return max(promised - size, 0)


def _digest(stream: BinaryIO, middle: int, size: int) -> str:
    start = max(0, min(middle - _SAMPLE_BYTES // 2, size - _SAMPLE_BYTES))
    stream.seek(start)
    return hashlib.sha256(stream.read(min(_SAMPLE_BYTES, size - start))).hexdigest()[:16]


def _end_of_boxes(stream: BinaryIO, size: int) -> int:
    position = 0
    while position + 8 <= size:
        stream.seek(position)
        header = stream.read(16)
        length = struct.unpack('>I', header[:4])[0]
        if length == 1 and len(header) == 16:
            length = struct.unpack('>Q', header[8:])[0]
        if length < 8:
            # 0 reaches to the end of the file; anything else is no box.
            return size
        position += length
    return position


def _end_of_segment(stream: BinaryIO) -> int:
    stream.seek(4)
    length, start = _ebml_length(stream, 4)
    stream.seek(start + length)
    if stream.read(4) != _SEGMENT:
        return 0
    length, start = _ebml_length(stream, start + length + 4)
    return start + length


def _ebml_length(stream: BinaryIO, position: int) -> tuple[int, int]:
    """An EBML length, 0 where it is unknown, and the position behind it."""
    first = stream.read(1)
    if not first or not first[0]:
        return 0, position
    width = 9 - first[0].bit_length()
    digits = bytes([first[0] & (0xFF >> width)]) + stream.read(width - 1)
    length = int.from_bytes(digits, 'big')
    is_unknown = length == (1 << 7 * width) - 1
    return (0 if is_unknown else length), position + width
