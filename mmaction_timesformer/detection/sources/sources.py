"""What can be watched: video files, network streams and cameras."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from video_clips.clip import VIDEO_SUFFIXES

DEVICE_FORMATS = ('v4l2', 'avfoundation', 'dshow', 'lavfi')
"""FFmpeg's input devices: cameras on Linux, macOS and Windows, and its test pictures."""

# The parts of a query that tell one picture of a camera or recorder from another. Everything else
# may be a secret: makers call passwords p, pw, pin, code and much more.
_HARMLESS = re.compile(
    r'(channel|channelid|chn|ch|camera|cameraid|cam|id|src|subtype|stream|streamid|streamtype'
    r'|profile|track|inst|resolution|fps|codec|videocodec|unicast|proto|transportmode)=[\w./-]*',
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """One thing to watch.

    Attributes:
        name: How events call it; holds no password.
        url: What is opened.
        kind: ``file``, ``url`` (a network stream) or ``device``.
        device_format: FFmpeg's name of the input device.
        pace: Play a file like a live stream, this many times as fast as it was recorded.
    """

    name: str
    url: str
    kind: Literal['file', 'url', 'device'] = 'file'
    device_format: str | None = None
    pace: float | None = None

    def __post_init__(self) -> None:
        if self.pace is not None and (self.kind != 'file' or not 0 < self.pace < float('inf')):
            raise ValueError(f'{self.name}: pace={self.pace} must be positive and is for files')

    @property
    def is_live(self) -> bool:
        """Whether it has no end of its own and cannot be read again."""
        return self.kind != 'file'


def file_name(name: str) -> str:
    """A file name for what belongs to a source: readable, and different for different sources."""
    path = Path(name)
    readable = re.sub(r'[^\w.-]+', '_', f'{path.parent.name}_{path.stem}').strip('_')[-60:]
    return f'{readable}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:6]}'


def parse_source(text: str) -> Source:
    """Read what names one source.

    Args:
        text: A file, a URL (``rtsp://user:password@camera/stream``), a camera (``/dev/video0``) or
            ``format:device`` of an FFmpeg device (``v4l2:/dev/video0``, ``lavfi:testsrc``).
    """
    if '://' in text:
        return Source(_without_secrets(text), text, 'url')
    device_format, separator, device = text.partition(':')
    if separator and device_format in DEVICE_FORMATS:
        return Source(text, device, 'device', device_format)
    if text.startswith('/dev/video'):
        return Source(text, text, 'device', 'v4l2')
    return Source(text, text)


def find_sources(texts: Iterable[str | Path], pace: float | None = None) -> list[Source]:
    """Read what names sources: those of `parse_source`, folders of recordings and globs.

    Args:
        texts: Names, in the order wanted.
        pace: Play files like live streams, this many times as fast as recorded.

    Returns:
        The sources, each once; the files of a folder in order of their names.

    Raises:
        FileNotFoundError: A file, folder or glob names nothing.
        ValueError: A folder holds no video, or two sources would have one name.
    """
    found: list[Source] = []
    for text in map(str, texts):
        source = parse_source(text)
        if source.kind == 'file':
            found += [Source(path, path, pace=pace) for path in _find_files(text)]
        else:
            found.append(source)
    if not found:
        raise ValueError('no source was given: name a video file, folder, glob, URL or camera')
    sources = list(dict.fromkeys(found))
    names = Counter(source.name for source in sources)
    if doubles := [name for name, count in names.items() if count > 1]:
        raise ValueError(
            f'several sources would be called {doubles[0]}: they differ only in what is left out '
            'of names: users, passwords and what may be secret in a query'
        )
    return sources


def _find_files(text: str) -> list[str]:
    path = Path(text)
    if path.is_dir():
        files = [
            str(file)
            for file in sorted(path.rglob('*'))
            if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
        ]
        if not files:
            raise ValueError(f'{text}: the folder holds no video ({", ".join(VIDEO_SUFFIXES)})')
        return files
    if path.exists():
        return [text]
    found = [file for file in sorted(glob.glob(text, recursive=True)) if Path(file).is_file()]
    if not found:
        raise FileNotFoundError(f'{text}: no such file or folder, and no glob that names one')
    return found


def _without_secrets(url: str) -> str:
    """The URL without user, password and all parts of the query that may be secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition('@')[2]
    query = filter(_HARMLESS.fullmatch, re.split('[&;]', parts.query))
    return urlunsplit((parts.scheme, host, parts.path, '&'.join(query), ''))
