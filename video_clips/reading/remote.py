"""Files that lie somewhere else: object stores and servers that fsspec reads.

Protocols that unpack, chain or interpret what they read are refused: a path in a list of clips must
not run code or fill the disk.

A remote file is copied into a temporary folder for as long as it is measured, so that the disk
needed is one file a worker, and every tier works the same on it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import fsspec

from video_clips.clip import VIDEO_SUFFIXES, Clip, describe_left_out, recording_of
from video_clips.labels import check_class_names
from video_clips.reading.opening import VideoError
from video_clips.safe_names import public_name

PROTOCOLS = (
    *('abfs', 'abfss', 'adl', 'az', 'file', 'ftp', 'gcs', 'gs', 'hdfs', 'http', 'https', 'memory'),
    *('oss', 's3', 's3a', 'sftp', 'smb', 'ssh', 'webhdfs'),
)
_NAMED_BY_PATH = ('abfs', 'abfss', 'adl', 'az', 'file', 'gcs', 'gs', 'memory', 'oss', 's3', 's3a')
UNKNOWN_IDENTITY = (0, 0)
"""Of a file that cannot be asked; opening it says why."""
_log = logging.getLogger(__name__)


def is_remote(path: str | Path) -> bool:
    """Whether a path names a protocol of fsspec."""
    return '://' in str(path)


def join_path(root: str, path: str) -> str:
    """Puts a prefix before an annotated path, unless that is absolute or a URL itself."""
    if not root or is_remote(path):
        return path
    return f'{root.rstrip("/")}/{path}' if is_remote(root) else os.path.join(root, path)


def open_filesystem(path: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises:
        VideoError: The protocol is not one of `PROTOCOLS`, or what it needs is not installed.
    """
    protocol = path.partition('://')[0]
    if protocol.lower() not in PROTOCOLS or '::' in path:
        reason = f'the protocol {protocol!r} is not allowed; there are {", ".join(PROTOCOLS)}'
        raise VideoError(path, reason)
    try:
        return fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise VideoError(path, f'cannot be opened: {error}') from error


def file_identity(path: str) -> tuple[int, int] | None:
    """Bytes and time of the last change in nanoseconds.

    Returns:
        None for a file that is not there, `UNKNOWN_IDENTITY` for one that cannot be asked.
    """
    if not is_remote(path):
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            return UNKNOWN_IDENTITY
        return status.st_size, status.st_mtime_ns
    try:
        filesystem, name = open_filesystem(path)
        info = filesystem.info(name)
    except FileNotFoundError:
        return None
    except Exception:  # each store has errors of its own; one file must not end a run
        return UNKNOWN_IDENTITY
    changed = info.get('mtime') or info.get('LastModified') or info.get('created') or 0
    seconds = changed.timestamp() if hasattr(changed, 'timestamp') else float(changed)
    return int(info['size'] or 0), int(seconds * 1e9)


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Yields a local path to the file; a copy of a remote one lives until the block ends."""
    if not is_remote(path):
        yield path
        return
    filesystem, name = open_filesystem(path)
    with TemporaryDirectory(prefix='data_analysis_') as folder:
        copy = os.path.join(folder, f'file{PurePosixPath(name).suffix}')
        filesystem.get_file(name, copy)
        yield copy


def find_remote_clips(
    root: str, classes: Sequence[str] | None, recording_regex: str | None
) -> tuple[list[Clip], tuple[str, ...]]:
    """Finds the clips of a remote folder-per-class tree, like `find_clips` on a local one.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It holds no video in a subfolder, or a subfolder is none of the classes.
    """
    filesystem, base = open_filesystem(root)
    if not filesystem.isdir(base):
        raise FileNotFoundError(f'{root}: no such folder')
    below = [PurePosixPath(name).relative_to(base) for name in sorted(filesystem.find(base))]
    visible = [
        path
        for path in below
        if len(path.parts) > 1 and not any(part.startswith('.') for part in path.parts)
    ]
    videos = [path for path in visible if path.suffix.lower() in VIDEO_SUFFIXES]
    if left_out := [path for path in visible if path not in videos]:
        _log.warning('%s: %s', root, describe_left_out(left_out))
    if not videos:
        raise ValueError(f'{root}: no subfolder holds a video; one subfolder a class is expected')
    found = tuple(dict.fromkeys(path.parts[0] for path in videos))
    names = check_class_names(sorted(found) if classes is None else classes)
    if unknown := sorted(set(found) - set(names)):
        raise ValueError(f'{root}: the subfolders {", ".join(unknown)} are none of the classes')
    return [
        Clip(
            str(path),
            names.index(path.parts[0]),
            recording_of(str(path), recording_regex) if recording_regex else None,
        )
        for path in videos
    ], names


def has_password(path: str | Path) -> bool:
    """Whether a URL names a password, or credentials in its query."""
    text = str(path)
    authority, _, place = text.partition('://')[2].partition('/')
    return is_remote(text) and ('@' in authority or '?' in text or '#' in place)


def without_password(path: str | Path) -> str:
    """A path as it may be shown and stored.

    Of an object store's URL without credentials all is shown; of any other the scheme, the host,
    the name of a video, and a fingerprint.
    """
    text = str(path)
    if not is_remote(text):
        return text
    if text.partition('://')[0].lower() in _NAMED_BY_PATH and not has_password(text):
        return text
    name = PurePosixPath(re.split(r'[?#]', text, maxsplit=1)[0]).name
    shown = public_name(text)
    if PurePosixPath(name).suffix.lower() not in VIDEO_SUFFIXES or '@' in name:
        return shown
    head, _, digest = shown.rpartition('#')
    return f'{head}/.../{name}#{digest}'
