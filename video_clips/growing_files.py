"""Files that only grow, by one writer at a time.

Each line is complete once it is written, whatever kills the writer; the lock ends with its process.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from video_clips.plain_data import parse_json

try:
    import fcntl
except ModuleNotFoundError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = '.lock'


class GrowingFile:
    """Appends text to a file, whole pieces only, whatever kills the writer or fills the disk.

    A half piece that a killed writer left behind is removed at the first opening. After an error
    the file is opened again at the next piece, so writing resumes when there is room.

    Args:
        file: The file; it is made, with its folder, if it is missing.
    """

    def __init__(self, file: str | Path) -> None:
        self._file = Path(file)
        self._stream: FileIO | None = None
        self._open()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written."""
        return self._file.stat().st_size == 0

    def _open(self) -> FileIO:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            with self._file.open('rb+') as stream:
                stream.truncate(_end_of_last_line(stream))
        self._stream = FileIO(self._file, 'ab')
        return self._stream

    def append(self, text: str) -> None:
        """Append whole lines; when this returns, the end of the process cannot lose them.

        Raises:
            OSError: They cannot be written; the error names the file.
        """
        data = text.encode('utf-8', 'backslashreplace')
        try:
            stream = self._stream or self._open()
            if stream.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.close()
            raise OSError(error.errno, error.strerror, str(self._file)) from None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _end_of_last_line(stream: BinaryIO, block_bytes: int = 1 << 16) -> int:
    end = stream.seek(0, 2)
    while end > 0:
        start = max(0, end - block_bytes)
        stream.seek(start)
        found = stream.read(end - start).rfind(b'\n')
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class JsonLines:
    """Appends records to a file of JSON lines.

    Args:
        file: The file; it is made, with its folder, if it is missing.
    """

    def __init__(self, file: str | Path) -> None:
        self._file = GrowingFile(file)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record; when this returns, the end of the process cannot lose it."""
        self._file.append(json.dumps(record, ensure_ascii=False) + '\n')

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_records(file: str | Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines; half a line at the end, which a killed writer leaves, is left out.

    Raises:
        ValueError: Another line is not a JSON object.
    """
    with Path(file).open('rb') as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b'\n'):
                return
            try:
                record = parse_json(line)
            except ValueError as error:
                raise ValueError(f'{file}, line {number}: not JSON ({error})') from None
            if not isinstance(record, dict):
                raise ValueError(f'{file}, line {number}: not a JSON object')
            yield record


class FolderLock:
    """Locks a folder.

    Args:
        folder: The folder; made if it is missing.
        wait_seconds: How long to wait for another holder.

    Raises:
        ValueError: Another run holds it.
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path, wait_seconds: float = 0.0) -> None:
        self._descriptor: int | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        deadline = time.monotonic() + wait_seconds
        while not self._try():
            if time.monotonic() >= deadline:
                self.release()
                raise ValueError(
                    f'{folder}: another run writes there; wait for it, or name another folder'
                )
            time.sleep(0.01)

    def _try(self) -> bool:
        assert self._descriptor is not None
        try:
            if fcntl is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let others lock it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()
