"""One writer for a folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
import time
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = '.lock'


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
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
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
