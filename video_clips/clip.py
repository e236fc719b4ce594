"""A clip, and the clips that lie in folders: one folder a class, recordings told by file names."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from video_clips.labels import Label, check_class_names

VIDEO_SUFFIXES = frozenset(
    (
        *('.3gp', '.asf', '.avi', '.flv', '.gif', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4'),
        *('.mpeg', '.mpg', '.mts', '.mxf', '.ogv', '.ts', '.vob', '.webm', '.wmv'),
    )
)


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


def find_clips(
    folder: str | Path,
    classes: Sequence[str] | None = None,
    recording_regex: str | None = None,
) -> tuple[list[Clip], tuple[str, ...]]:
    """Find the clips of a folder-per-class tree.

    Args:
        folder: Its subfolders are the classes; videos lie in them at any depth. Hidden files and
            folders are left out.
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
    videos = {name: paths for name in found if (paths := _videos_below(folder / name))}
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


def _videos_below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in VIDEO_SUFFIXES
        and not any(part.startswith('.') for part in path.relative_to(folder).parts)
        and not path.is_dir()
    )


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
