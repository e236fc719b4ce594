"""A clip, and the clips in folders: a folder for each class, recordings in file names."""

import logging
import math
import mimetypes
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from video_clips.labels import Label, check_class_names

VIDEO_SUFFIXES = frozenset(
    (
        *('.264', '.265', '.3g2', '.3gp', '.3gpp', '.amv', '.asf', '.av1', '.avc', '.avi'),
        *('.avs2', '.dav', '.divx', '.drc', '.dv', '.dvr-ms', '.f4v', '.flv', '.gif', '.gxf'),
        *('.h261', '.h263', '.h264', '.h265', '.h266', '.hevc', '.ifv', '.ismv', '.ivf'),
        *('.jsv', '.k3g', '.lrv', '.m1v', '.m2p', '.m2t', '.m2ts', '.m2v', '.m4v', '.mj2'),
        *('.mjp', '.mjpeg', '.mjpg', '.mk3d', '.mkv', '.mod', '.mov', '.mp2v', '.mp4', '.mp4v'),
        *('.mpe', '.mpeg', '.mpg', '.mpv', '.mts', '.mxf', '.nsv', '.nut', '.obu', '.ogg'),
        *('.ogm', '.ogv', '.ogx', '.qt', '.rm', '.rmvb', '.tod', '.tp', '.trp', '.ts', '.viv'),
        *('.vob', '.vro', '.webm', '.wmv', '.wtv', '.xvid', '.y4m'),
    )
)
_HEAD_BYTES = 192
_MAGIC_AT_START = (
    *(b'\x1aE\xdf\xa3', b'FLV', b'OggS', b'DHAV', b'DKIF', b'.RMF', b'0&\xb2u\x8efo\xcf'),
    *(b'\0\0\1\xba', b'\0\0\1\xb3', b'\0\0\0\1\x67', b'\0\0\0\1\x40\1', b'YUV4MPEG2'),
)
_STILLS_AND_SOUND = (b'heic', b'heix', b'mif1', b'avif', b'M4A ', b'M4B ')
_MOST_NAMES = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One annotated clip: a video file or a part of one.

    Attributes:
        path: As written in the annotation file, usually relative to the data's root.
        label: Class index, or several in a multi-label set, or None where the clip has no label.
        recording: The recording it was cut from; a split keeps the clips of one together.
        start_seconds: Where the clip starts in the file; None means at its beginning.
        end_seconds: Where the clip ends in the file (exclusive); None means at its end.
    """

    path: str
    label: Label = None
    recording: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None

    def __post_init__(self) -> None:
        start, end = self.start_seconds, self.end_seconds
        for name, seconds in (('start', start), ('end', end)):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f'{name} must be a number of seconds from 0, got {seconds}')
        if end is not None and end <= (start or 0):
            raise ValueError(f'the clip ends ({end} s) before it starts ({start or 0} s)')


def real_path(path: str | Path) -> Path:
    """Follow links, as ``Path.resolve`` does, which raises at a loop of links up to Python 3.12."""
    return Path(os.path.realpath(path))


def clip_name(
    file: str | Path, start_seconds: float | None = None, end_seconds: float | None = None
) -> str:
    """Name a clip by the place of its file and by the part of it, so that it is known again."""
    start, end = ('' if s is None else f'{s:.3f}' for s in (start_seconds, end_seconds))
    return '|'.join((os.path.abspath(file), start, end))


def find_clips(
    folder: str | Path,
    classes: Sequence[str] | None = None,
    recording_regex: str | None = None,
) -> tuple[list[Clip], tuple[str, ...]]:
    """Find the clips of a folder-per-class tree.

    Args:
        folder: Its subfolders are the classes; videos lie in them at any depth. Hidden files and
            folders are left out; other files that look like no video are counted in the log.
        classes: Class names in index order; by default the subfolders' names, sorted.
        recording_regex: Tells a clip's recording from its path, see `recording_of`.

    Returns:
        The clips, sorted by class and path, with paths relative to the folder; and the class names.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It holds no video in a subfolder, or a subfolder is none of the classes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder')
    found = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != '.'
    )
    listed = {name: list_videos(folder / name) for name in found}
    if left_out := [file.relative_to(folder) for _, others in listed.values() for file in others]:
        _log.warning('%s: %s', folder, describe_left_out(left_out))
    videos = {name: paths for name, (paths, _) in listed.items() if paths}
    if not videos:
        raise ValueError(
            f'{folder}: no subfolder holds a video; one subfolder for each class is expected'
        )
    classes = check_class_names(videos if classes is None else classes)
    if unknown := sorted(set(videos) - set(classes)):
        raise ValueError(
            f'{folder}: the subfolders {", ".join(unknown)} are none of the classes '
            f'{", ".join(classes)}'
        )
    return [
        Clip(path, label, recording_of(path, recording_regex) if recording_regex else None)
        for label, name in enumerate(classes)
        for path in (video.relative_to(folder).as_posix() for video in videos.get(name, ()))
    ], classes


def list_videos(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Find the files below a folder that look like videos, and those that do not.

    Args:
        folder: Searched at any depth. Hidden files and folders are left out, and links to folders
            are not followed.

    Returns:
        Videos and other files, both sorted.
    """
    folder = Path(folder)
    files = [
        path
        for path in sorted(folder.rglob('*'))
        if not any(part.startswith('.') for part in path.relative_to(folder).parts)
        and not path.is_dir()
    ]
    videos = [path for path in files if looks_like_video(path)]
    chosen = set(videos)
    return videos, [path for path in files if path not in chosen]


def looks_like_video(file: str | PurePath) -> bool:
    """Whether a file is worth opening as a video: by its suffix, or else by its first bytes."""
    path = Path(file)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return True
    kind = mimetypes.guess_type(path.name)[0]
    if kind is not None:
        return kind.startswith('video/')
    try:
        if not path.is_file():
            return False
        with path.open('rb') as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    if head[4:8] == b'ftyp':
        return head[8:12] not in _STILLS_AND_SOUND
    return (
        head.startswith(_MAGIC_AT_START)
        or head[4:8] in (b'moov', b'mdat')
        or (head[:4], head[8:12]) == (b'RIFF', b'AVI ')
        or (head[:1], head[188:189]) == (b'G', b'G')  # a transport stream's packets
    )


def describe_left_out(files: Iterable[str | PurePath]) -> str:
    """Count and name files that were left out, in one line; empty if there are none."""
    names = [PurePath(file) for file in files]
    if not names:
        return ''
    kinds = Counter(name.suffix.lower() or 'without suffix' for name in names)
    counts = ', '.join(f'{count} {kind}' for kind, count in kinds.most_common())
    shown = ', '.join(ascii(str(name))[1:-1] for name in names[:_MOST_NAMES])
    more = f' and {len(names) - _MOST_NAMES} more' if len(names) > _MOST_NAMES else ''
    files_are = '1 file is' if len(names) == 1 else f'{len(names)} files are'
    return f'{files_are} left out as no videos ({counts}): {shown}{more}'


def recording_of(path: str, regex: str) -> str | None:
    r"""The recording that a clip was cut from, as told by its path.

    Args:
        path: For instance ``Track-Excavator/rec003_clip02.mp4``.
        regex: Searched in the path. The group named ``recording`` counts, else the first group,
            else the whole match: ``(?P<recording>rec\d+)`` gives ``rec003`` for the path above.

    Returns:
        The recording, or None where the path does not match.
    """
    try:
        match = re.search(regex, path)
    except re.error as error:
        raise ValueError(f'{regex!r} is no regular expression: {error}') from None
    if match is None:
        return None
    if 'recording' in match.re.groupindex:
        return match['recording']
    return match[1] if match.re.groups else match[0]
