"""The recordings that may be shown, each by an id: no path of a browser is ever opened.

A recording is a video file below one of the roots, symbolic links resolved. A page names it by its
id, a detector by its source; both are looked up here among files that were found on the disk.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from video_clips.clip import VIDEO_SUFFIXES, real_path
from video_clips.commands import printable

PLAYABLE = ('.mp4', '.m4v', '.webm')
"""Suffixes of files that browsers play."""
_FRESH_SECONDS = 5.0
MOST_RECORDINGS = 20_000


@dataclass(frozen=True)
class Recording:
    """A video file below a root.

    Attributes:
        id: Names it in pages.
        name: Path below its root, as it is shown.
        path: The file.
        root: The root.
    """

    id: str
    name: str
    path: Path
    root: Path

    @property
    def is_playable(self) -> bool:
        """Whether browsers play it as it is."""
        return self.path.suffix.lower() in PLAYABLE


class Catalogue:
    """Finds recordings below some folders.

    Args:
        roots: The folders.
        uploads: A folder of videos that pages have sent.
        without: Folders below them that hold no recordings, such as the results.

    Raises:
        FileNotFoundError: A root is not a folder.
    """

    def __init__(self, roots: Sequence[Path], uploads: Path, without: Iterable[Path] = ()) -> None:
        for root in (*roots, uploads):
            if not root.is_dir():
                raise FileNotFoundError(f'{root}: no such folder of recordings')
        self._roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._uploads = uploads.resolve()
        self._without = tuple(folder.resolve() for folder in without)
        self._lock = threading.Lock()
        self._found: dict[str, Recording] = {}
        self._by_path: dict[Path, Recording] = {}
        self._looked = -_FRESH_SECONDS

    def all(self) -> list[Recording]:
        """Every recording, in order of their names."""
        self._look()
        return list(self._found.values())

    def get(self, recording_id: str) -> Recording | None:
        """The recording of an id."""
        self._look()
        return self._found.get(recording_id)

    def find_new(self, path: Path) -> Recording:
        """The recording in a file that has just come.

        Raises:
            FileNotFoundError: It is not below a root.
        """
        self._looked = -_FRESH_SECONDS
        self._look()
        found = self._by_path.get(real_path(path))
        if found is None:
            raise FileNotFoundError(f'{path} is not a recording')
        return found

    def of_source(self, source: str) -> Recording | None:
        """The recording that a detector's source names; None for a camera or a file elsewhere.

        A name is a path as it was given to the detector, which may have run in another folder: the
        recording of that path counts, or else the only one whose path ends with it.
        """
        self._look()
        name, _, letters = source.rpartition('~')
        source = name if name and len(letters) == 6 else source  # another recording of the name
        if '\0' in source:
            return None
        found = self._by_path.get(real_path(source))
        if found is not None:
            return found
        parts = [part for part in PurePath(source).parts if part not in ('/', '.', '..')]
        ends = [r for r in self._found.values() if _ends_with(r.path, parts)]
        return ends[0] if len(ends) == 1 else None

    def _look(self) -> None:
        with self._lock:
            if time.monotonic() - self._looked < _FRESH_SECONDS:
                return
            found = sorted(self._walk(), key=lambda recording: recording.name)[:MOST_RECORDINGS]
            self._found = {recording.id: recording for recording in found}
            self._by_path = {recording.path: recording for recording in found}
            self._looked = time.monotonic()

    def _walk(self) -> Iterable[Recording]:
        for root in (*self._roots, self._uploads):
            for folder, folders, files in os.walk(root):
                folders[:] = [
                    f for f in folders if f[0] != '.' and Path(folder, f) not in self._without
                ]
                for file in files:
                    if Path(file).suffix.lower() in VIDEO_SUFFIXES:
                        recording = self._recording(root, Path(folder, file))
                        if recording is not None:
                            yield recording

    def _recording(self, root: Path, file: Path) -> Recording | None:
        """The recording in a file, unless a link leads out of the root."""
        path = real_path(file)
        if not path.is_relative_to(root) or not path.is_file():
            return None
        shown = file.relative_to(root)
        is_told_apart = len(self._roots) > 1 or root == self._uploads
        name = printable((Path(root.name) / shown if is_told_apart else shown).as_posix())
        digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:16]
        return Recording(digest, name, path, root)


def _ends_with(path: Path, parts: Sequence[str]) -> bool:
    return bool(parts) and path.parts[-len(parts) :] == tuple(parts)
