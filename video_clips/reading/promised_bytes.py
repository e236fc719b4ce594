"""Bytes that a container's header promises and the file no longer has: the mark of a cut file.

Counts of frames in a header are no such promise: AVI counts dropped frames, and durations include
the longest sound track.
"""

import os
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_ASF = bytes.fromhex('3026b2758e66cf11a6d900aa0062ce6c')
_ASF_FILE_PROPERTIES = bytes.fromhex('a1dcab8c47a9cf118ee400c00c205365')
_UNFINISHED = (0, 0xFFFFFFFF)
"""Sizes of a list whose writer was stopped before it could fill them in."""


def num_missing_bytes(path: str | Path) -> int | None:
    """How much of a file's end is missing.

    Args:
        path: A local file.

    Returns:
        Bytes of pictures and sound that the header of an AVI, ASF, Matroska or WebM file promises
        past its end; None where no promise is found.
    """
    num_bytes = os.stat(path).st_size
    with open(path, 'rb') as stream:
        head = stream.read(4096)
        if head[:4] == b'RIFF':
            end = _end_of_riff(stream)
        elif head.startswith(_ASF):
            end = _end_of_asf(head)
        else:
            end = _end_of_segment(stream)
    return None if end is None else max(0, end - num_bytes)


def _end_of_riff(stream: BinaryIO) -> int | None:
    """Where the last list of frames ends; a large AVI has several RIFF chunks, each with one."""
    end = None
    at = 0
    while True:
        stream.seek(at)
        head = stream.read(12)
        if len(head) < 12 or head[:4] != b'RIFF' or head[8:11] != b'AVI':
            return end
        size = int.from_bytes(head[4:8], 'little')
        end = _end_of_frames(stream, at + 12) or end
        if size in _UNFINISHED:
            return end
        at += 8 + size + size % 2


def _end_of_frames(stream: BinaryIO, at: int) -> int | None:
    """Where the list ``movi`` ends that comes after this place."""
    while True:
        stream.seek(at)
        head = stream.read(12)
        if len(head) < 12:
            return None
        size = int.from_bytes(head[4:8], 'little')
        if head[:4] == b'LIST' and head[8:] == b'movi':
            return None if size in _UNFINISHED else at + 8 + size
        at += 8 + size + size % 2


def _end_of_asf(head: bytes) -> int | None:
    """The file's size; a broadcast has none."""
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 92 or head[at + 88] & 1:
        return None
    return int.from_bytes(head[at + 40 : at + 48], 'little') or None


def _end_of_segment(stream: BinaryIO) -> int | None:
    """Where Matroska's only segment ends; None in another file, and for one of unknown size."""
    stream.seek(0)
    if _read_number(stream, keeps_marker=True) != _EBML:
        return None
    header_size = _read_number(stream)
    if header_size is None:
        return None
    stream.seek(header_size, os.SEEK_CUR)
    if _read_number(stream, keeps_marker=True) != _SEGMENT:
        return None
    size = _read_number(stream)
    return None if size is None else stream.tell() + size


def _read_number(stream: BinaryIO, keeps_marker: bool = False) -> int | None:
    """An EBML number (RFC 8794, 4); None for an unknown size or the end of the file."""
    first = stream.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    number = int.from_bytes(first + stream.read(length - 1), 'big')
    if keeps_marker:
        return number
    number &= (1 << 7 * length) - 1
    return None if number == (1 << 7 * length) - 1 else number
