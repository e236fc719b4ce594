"""Copies of videos that are quick to load from: small pictures and a keyframe every few frames.

Loading 8 frames out of 10 seconds decodes nearly everything in between, since cameras write a
keyframe every few seconds only. In a copy whose keyframes are 8 frames apart it decodes a handful
of small pictures. A copy has the frames of its original, at the same times and upright, so
annotations hold for it; audio is left out.
"""

from __future__ import annotations

import argparse
import csv
import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from data_analysis.measuring.worker_pool import Workers, run_in_processes
from video_clips.annotation_files import class_names_in, read_annotations, split_text_line
from video_clips.clip import VIDEO_SUFFIXES, real_path
from video_clips.commands import printable, progress_bar
from video_clips.labels import LabelReader, read_class_names
from video_clips.plain_data import as_text, from_text, parse_json
from video_clips.reading.opening import VideoError, open_container
from video_clips.reading.video import Video, open_video
from video_clips.whole_files import check_writable, write_atomically
from video_clips.writing import Encoding, open_writer

_TIME_BASE = Fraction(1, 90_000)
_PATH_COLUMNS = ('path', 'filename')
_LATE_SECONDS = 0.25
_HERE = Workers()
_MOST_FAILURES_SHOWN = 10
_UNFINISHED_SECONDS = 3600.0
_UNFINISHED = re.compile(r'\..+\.\w{8}\.mp4', re.DOTALL)
"""Names that `written_beside` gives."""
_NO_COPY_CAN_BE_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class CopySettings:
    """How copies are coded, as H.264 in mp4.

    Attributes:
        short_side: Shorter side in pixels; pictures that are smaller stay as they are.
        keyframe_interval: Frames from one keyframe to the next.
        crf: x264's quality: less looks more like the original, more is smaller.
    """

    short_side: int = 256
    keyframe_interval: int = 8
    crf: int = 20

    def __post_init__(self) -> None:
        if self.short_side < 16 or self.keyframe_interval < 1 or not 0 <= self.crf <= 51:
            raise ValueError(
                f'short_side={self.short_side}, keyframe_interval={self.keyframe_interval}, '
                f'crf={self.crf}: they must be at least 16, at least 1 and in 0..51'
            )


@dataclass
class CacheCount:
    """Outcome for the videos.

    Attributes:
        made: How many copies were made now.
        kept: How many were there already, made of the same file by the same settings.
        failures: Why a video, by its path as annotated, has no copy.
    """

    made: int = 0
    kept: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Videos that need no more work."""
        return self.made + self.kept + len(self.failures)


def cache_videos(
    paths: Iterable[str],
    root: str | Path,
    out: Path,
    settings: CopySettings,
    workers: Workers = _HERE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CacheCount:
    """Copy videos, in parallel; a copy is complete or not there, and made only once.

    Args:
        paths: As annotated, relative to ``root``.
        root: Where they are.
        out: Where the copies go, at `name_of_copy`.
        settings: How they are coded.
        workers: Processes, and the time that one video may take.
        progress: Called with the number of videos that are done, and of all.

    Raises:
        OSError: No copy can be written: the disk is full or read-only.
    """
    _remove_unfinished(out)
    count = CacheCount()
    names = sorted(set(paths))
    requests = _requests(names, Path(root), out, settings, count)
    for outcome in run_in_processes(make_copy, requests, workers):
        if outcome.failure:
            count.failures[outcome.item['path']] = outcome.reason
        elif outcome.value is not None:
            raise OSError(outcome.value, os.strerror(outcome.value), outcome.item['target'])
        else:
            count.made += 1
        progress(count.done, len(names))
    progress(count.done, len(names))
    return count


def name_of_copy(path: str) -> str:
    """Where the copy of a video stands below the cache's folder; another place for each path."""
    parts = [part for part in Path(path).parts if part not in ('/', '..')]
    inside, mark = '/'.join(parts), hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    if len(parts) < len(Path(path).parts):  # it lies elsewhere, where others have the same name
        inside = f'outside-{mark}/{inside}'
    stem, suffix = os.path.splitext(inside)
    if suffix.lower() != '.mp4':
        return f'{inside}.mp4'
    # "x.avi.mp4" is the copy of "x.avi".
    is_taken = os.path.splitext(stem)[1].lower() in VIDEO_SUFFIXES
    return f'{stem}~{mark}{suffix}' if is_taken else inside


def _requests(
    names: Iterable[str], root: Path, out: Path, settings: CopySettings, count: CacheCount
) -> Iterator[dict[str, Any]]:
    """Videos that are still to be copied; the rest is counted."""
    for name in names:
        source, target = _source(root, name), out / name_of_copy(name)
        try:
            status = source.stat()
        except OSError as error:
            count.failures[name] = error.strerror or 'cannot be read'
            continue
        origin = {'bytes': status.st_size, 'modified_ns': status.st_mtime_ns, **asdict(settings)}
        if _origin_of(target) == origin:
            count.kept += 1
            continue
        yield {'path': name, 'source': str(source), 'target': str(target), 'origin': origin}


def _source(root: Path, name: str) -> Path:
    path = root / name
    # Lists of Kinetics and others leave the suffix out.
    return path if path.suffix or path.exists() else path.with_name(f'{path.name}.mp4')


def _origin_of(copy: Path) -> dict[str, Any] | None:
    """Source and settings of a copy, written into the copy itself."""
    try:
        with open_container(copy) as container:
            return parse_json(container.metadata.get('comment', 'null'))
    except (VideoError, ValueError):
        return None


def _remove_unfinished(out: Path) -> None:
    """Remove what killed runs have left beside copies, unless it is still written to."""
    for file in out.rglob('.*.mp4'):
        is_old = time.time() - file.stat().st_mtime > _UNFINISHED_SECONDS
        if is_old and _UNFINISHED.fullmatch(file.name):
            file.unlink(missing_ok=True)


def make_copy(request: Mapping[str, Any]) -> int | None:
    """Make one copy, beside its place, and rename it.

    Args:
        request: ``source``, ``target`` and ``origin``, as in `CopySettings` and more.

    Returns:
        The number of the system's error if the disk takes no copy at all, else None.
    """
    target = Path(request['target'])
    with open_video(request['source']) as video:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if video.seconds[0] > _LATE_SECONDS:
                # A copy has no sound, so it would start at 0, and times in lists would be wrong.
                raise VideoError(f'its picture starts {video.seconds[0]:.3g} s after its sound')
            _encode(video, target, request['origin'])
        except OSError as error:
            if error.errno in _NO_COPY_CAN_BE_WRITTEN:
                return error.errno
            raise
    return None


def _encode(video: Video, file: Path, origin: Mapping[str, Any]) -> None:
    short_side = min(origin['short_side'], *video.size)
    encoding = Encoding(
        crf=origin['crf'],
        keyframe_interval=origin['keyframe_interval'],
        rate=Fraction(video.fps).limit_denominator(1001),
        time_base=_TIME_BASE,
        num_threads=1,
        options={
            'tune': 'fastdecode',
            'sc_threshold': '0',
            # Other frames need no B-frame, so a reader leaves out all that nobody asked for.
            'bf': '2',
            'x264-params': 'b-pyramid=none',
        },
    )
    with open_writer(file, encoding, comment=json.dumps(origin)) as writer:
        for number, picture in _in_order(video.pictures(range(video.num_frames), short_side)):
            writer.write(picture, video.seconds[number])


def _in_order(
    pictures: Iterable[tuple[int, np.ndarray]],
) -> Iterator[tuple[int, np.ndarray]]:
    """The same, each picture after the one before it."""
    early: dict[int, np.ndarray] = {}
    expected = 0
    for number, picture in pictures:
        early[number] = picture
        while expected in early:
            yield expected, early.pop(expected)
            expected += 1


def rewrite_paths(file: Path, target: Path, new_path: Callable[[str], str]) -> None:
    """Write an annotation file again with other paths; all else stays as it is.

    Args:
        file: A text list, or CSV.
        target: The new file, complete or not there.
        new_path: From the path as annotated to the new one.
    """
    with (
        file.open(encoding='utf-8-sig', errors='surrogateescape', newline='') as lines,
        write_atomically(target) as stream,
    ):
        if file.suffix.lower() == '.csv':
            rows = csv.reader(lines, skipinitialspace=True)
            header = next(rows)
            column = next(at for at, name in enumerate(header) if name.strip() in _PATH_COLUMNS)
            writer = csv.writer(stream, lineterminator='\n')
            writer.writerow(header)
            for row in filter(None, rows):
                row[column] = str(as_text(new_path(from_text(row[column].strip()))))
                writer.writerow(row)
            return
        for line in filter(str.strip, lines):
            path, _ = split_text_line(line.strip(), LabelReader(multi_label=True))
            stream.write(f'{new_path(path)}{line.strip()[len(path) :]}\n')


def run_caching(options: argparse.Namespace) -> int:
    """Do what ``tools/cache_dataset.py`` is asked for: make copies, and lists that name them."""
    from rich.console import Console

    console = Console()
    settings = CopySettings(options.short_side, options.keyframe_interval, options.crf)
    paths = _annotated_paths(options)
    options.out.mkdir(parents=True, exist_ok=True)
    check_writable(options.out)
    videos = options.out / 'videos'
    with progress_bar(console, 'Copying', len(paths)) as progress:
        count = cache_videos(
            paths,
            options.data_root,
            videos,
            settings,
            Workers(options.workers, options.timeout),
            progress,
        )
    for file in options.annotations:
        write_list_of_copies(file, options.out / file.name, options.data_root, count)
    print(f'{count.made} videos copied, {count.kept} were there already.')
    for path, reason in list(count.failures.items())[:_MOST_FAILURES_SHOWN]:
        print(printable(f'no copy of {path}: {reason}'))
    if len(count.failures) > _MOST_FAILURES_SHOWN:
        print(f'and of {len(count.failures) - _MOST_FAILURES_SHOWN} more')
    names = ', '.join(file.name for file in options.annotations)
    print(
        printable(
            f'To read them: data_root={options.out}, data_prefix=dict(video="videos"), '
            f'lists {names}.'
        )
    )
    return 0


def write_list_of_copies(file: Path, target: Path, root: str | Path, count: CacheCount) -> None:
    """Write a list again, naming copies; videos without a copy are named where they are."""
    rewrite_paths(
        file,
        target,
        lambda path: str(real_path(root) / path) if path in count.failures else name_of_copy(path),
    )


def _annotated_paths(options: argparse.Namespace) -> set[str]:
    """Read the paths of all lists.

    Raises:
        ValueError: A list is wrong, or two have the same name.
    """
    names = [file.name for file in options.annotations]
    if len(set(names)) < len(names):
        raise ValueError(f'the new lists have the names of the old ones, and these repeat: {names}')
    if any(file.resolve().parent == options.out.resolve() for file in options.annotations):
        raise ValueError(f'--out {options.out} holds the lists themselves; name another folder')
    tables = [file for file in options.annotations if file.suffix.lower() == '.csv']
    classes = read_class_names(options.classes) or class_names_in(tables) or None
    return {
        clip.path
        for file in options.annotations
        for clip in read_annotations(file, classes, multi_label=options.multi_label)
    }
