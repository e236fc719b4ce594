"""Corrections: clips, or parts of recordings, with the labels that they should have.

A list of them is an annotation CSV as every tool here reads it. A later line about the same part of
the same file replaces an earlier one; a line without a label takes the clip out of what is learned.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from video_clips.annotation_files import class_names_in, read_annotations, write_annotations
from video_clips.clip import Clip, clip_name, real_path


@dataclass(frozen=True)
class Corrections:
    """Clips with their right labels.

    Attributes:
        clips: Each once, with an absolute path; its ``recording`` is the camera. A clip without a
            label is to be forgotten.
        classes: Names of the labels: those of the model, then new ones.
    """

    clips: tuple[Clip, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, clips: Sequence[Clip], classes: Sequence[str]) -> Corrections:
        """The last word on each clip."""
        last = {name_of(clip): clip for clip in clips}
        return cls(tuple(last.values()), tuple(classes))

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def fingerprint(self) -> str:
        """Changes with any clip or label, not with the order."""
        return fingerprint_of(self.clips, self.classes)

    def label_name(self, clip: Clip) -> str | None:
        """The class of a clip; None where it is to be forgotten."""
        return None if clip.label is None else self.classes[_index(clip)]

    def without(self, names: set[str]) -> Corrections:
        """Without clips of these names."""
        return replace(self, clips=tuple(c for c in self.clips if name_of(c) not in names))

    def write(self, file: Path) -> None:
        """Write them as an annotation CSV."""
        write_annotations(file, self.clips, self.classes)


def read_corrections(
    file: str | Path, classes: Sequence[str], root: str | Path | None = None
) -> Corrections:
    """Read a list of corrections.

    Args:
        file: CSV with the columns path, label, start_seconds, end_seconds, recording (the camera).
        classes: Those of the model; other names in the file are new classes.
        root: Folder that paths are below; by default that of the file.

    Raises:
        FileNotFoundError: There is no such file, or a clip's video is missing.
        ValueError: Names the line that is wrong.
    """
    file = Path(file)
    root = file.parent if root is None else Path(root)
    new = [name for name in class_names_in([file]) if name not in classes]
    names = (*classes, *new)
    clips = []
    for clip in read_annotations(file, names):
        try:
            path = real_path(root / clip.path)
        except ValueError as error:  # a NUL in it
            raise ValueError(f'{file}: {clip.path!r}: {error}') from None
        if not os.path.exists(path):  # Path.exists raises for a name that is too long
            raise FileNotFoundError(f'{file}: there is no video {path}')
        clips.append(replace(clip, path=str(path)))
    return Corrections.of(clips, names)


def name_of(clip: Clip) -> str:
    """Name of a clip, or of a window of it."""
    return clip_name(clip.path, clip.start_seconds, clip.end_seconds)


def windows_of(clip: Clip, span_seconds: float | None) -> list[Clip]:
    """The parts of a clip that a model is shown: windows of its span, half a span apart.

    A whole file stays one clip, as in training. A part that is shorter than a window is shown in
    the window around it, as a detector would.

    Args:
        clip: The clip.
        span_seconds: Time that a window covers, if the model has such a time.
    """
    start, end = clip.start_seconds, clip.end_seconds
    if span_seconds is None or start is None or end is None:
        return [clip]
    length = end - start
    if length <= span_seconds:
        begin = max(0.0, (start + end - span_seconds) / 2)
        return [replace(clip, start_seconds=begin, end_seconds=begin + span_seconds)]
    steps = math.ceil((length - span_seconds) / (span_seconds / 2) - 1e-9)
    begins = [start + (length - span_seconds) * step / steps for step in range(steps + 1)]
    return [replace(clip, start_seconds=b, end_seconds=b + span_seconds) for b in begins]


def names_of(clip: Clip, span_seconds: float | None) -> set[str]:
    """Names under which a clip may have been learned: its own, and those of its windows."""
    return {name_of(clip), *map(name_of, windows_of(clip, span_seconds))}


def overlapping(clips: Sequence[Clip], others: Sequence[Clip]) -> set[str]:
    """Names of the clips that share time of a file with one of the others."""
    by_file: dict[str, list[Clip]] = {}
    for other in others:
        by_file.setdefault(str(real_path(other.path)), []).append(other)
    return {
        name_of(clip)
        for clip in clips
        if any(_overlap(clip, other) for other in by_file.get(str(real_path(clip.path)), ()))
    }


def _overlap(clip: Clip, other: Clip) -> bool:
    spans = [
        (c.start_seconds or 0.0, math.inf if c.end_seconds is None else c.end_seconds)
        for c in (clip, other)
    ]
    return max(start for start, _ in spans) < min(end for _, end in spans)


def fingerprint_of(clips: Sequence[Clip], classes: Sequence[str]) -> str:
    """Changes with any clip or label, not with the order."""
    lines = [
        json.dumps([name_of(clip), None if clip.label is None else classes[_index(clip)]])
        for clip in clips
    ]
    return hashlib.sha256('\n'.join(sorted(lines)).encode('utf-8', 'replace')).hexdigest()[:16]


def _index(clip: Clip) -> int:
    if not isinstance(clip.label, int):
        raise ValueError(f'{clip.path}: learning needs one label a clip, not {clip.label}')
    return clip.label
