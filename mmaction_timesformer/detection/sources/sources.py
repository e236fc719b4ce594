"""Sources: video files, network streams and cameras, found by what names them."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mmaction_timesformer.detection.sources.addresses import fill_in
from video_clips.clip import list_videos
from video_clips.commands import printable
from video_clips.safe_names import missing_name, safe_name

DEVICE_FORMATS = ('v4l2', 'avfoundation', 'dshow', 'lavfi')
"""FFmpeg's input devices: cameras on Linux, macOS and Windows, and its test pictures."""

_NAMED = re.compile(r'(?P<name>[\w][\w .-]{0,63})=(?P<source>.+)', re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One thing to watch.

    Attributes:
        name: Its name in events; holds no password.
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
    """Read the name of one source.

    Args:
        text: A file, a URL (``rtsp://user:password@camera/stream``), a camera (``/dev/video0``) or
            ``format:device`` of an FFmpeg device (``v4l2:/dev/video0``, ``lavfi:testsrc``); with
            ``gate=`` before it, events call it ``gate``. ``${NAME}`` is an environment variable.
    """
    named = _NAMED.fullmatch(text)
    if named and not os.path.lexists(text) and '://' not in named['name']:
        return replace(parse_source(named['source']), name=named['name'])
    if '://' in text:
        url = fill_in(text)
        return Source(safe_name(url), url, 'url')
    device_format, separator, device = text.partition(':')
    if separator and device_format in DEVICE_FORMATS:
        return Source(printable(text), device, 'device', device_format)
    if text.startswith('/dev/video'):
        return Source(text, text, 'device', 'v4l2')
    return _file(text)


def find_sources(texts: Iterable[str | Path], pace: float | None = None) -> list[Source]:
    """Find the sources that texts name: those of `parse_source`, folders of recordings and globs.

    A text that names nothing becomes a source that fails, so that it does not keep the others from
    being watched.

    Args:
        texts: Names, in the order wanted.
        pace: Play files like live streams, this many times as fast as recorded.

    Returns:
        The sources, each once; the files of a folder in order of their names.

    Raises:
        FileNotFoundError: No text names anything.
        ValueError: There is no text, or two sources have one name.
    """
    found: list[Source] = []
    failures: list[Exception] = []
    for text in map(str, texts):
        source = parse_source(text)
        if source.kind != 'file':
            found.append(source)
            continue
        is_named = source.name != printable(source.url)
        shown = source.name if is_named else printable(missing_name(text))
        try:
            paths = _find_files(source.url, shown)
        except (ValueError, OSError) as error:
            failures.append(error)
            paths, source = [source.url], replace(source, name=shown)
        is_itself = paths == [source.url]
        found += [replace(source if is_itself else _file(path), pace=pace) for path in paths]
    if not found:
        raise ValueError('no source was given: name a video file, folder, glob, URL or camera')
    if len(failures) == len(found):
        raise failures[0]
    sources = list(dict.fromkeys(found))
    counts = Counter(source.name for source in sources)
    if doubles := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f'several sources are called {doubles[0]}: name them, NAME=SOURCE')
    return sources


def find_left_out(texts: Iterable[str | Path]) -> list[str]:
    """Find the files in folders that are not watched because they do not look like videos."""
    folders = [text for text in texts if '://' not in str(text) and os.path.isdir(text)]
    return [str(file) for folder in folders for file in list_videos(folder)[1]]


def _file(path: str) -> Source:
    return Source(printable(path), path)


def _find_files(text: str, shown: str) -> list[str]:
    path = Path(text)
    if os.path.isdir(path):
        files = [str(file) for file in list_videos(path)[0]]
        if not files:
            raise ValueError(f'{shown}: the folder holds no video')
        return files
    if os.path.lexists(path):
        return [text]
    found = [file for file in sorted(glob.glob(text, recursive=True)) if Path(file).is_file()]
    if not found:
        raise FileNotFoundError(
            f'{shown}: no such file or folder, and no glob or URL that names one'
        )
    return found
