"""Programs that pages start: each goes on when the server ends, and is found again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_MOST_LOG_BYTES = 1 << 16


class OwnProcess:
    """One subcommand of this project at a time, as a process of its own with a log.

    A server that is started again finds it by the number that is written down.

    Args:
        folder: Where ``NAME.log`` and ``NAME.pid`` are.
        name: Of both.
        marks: Words of its command line, by which a process of this number is known as ours.
    """

    def __init__(self, folder: Path, name: str, marks: Sequence[str]) -> None:
        self._log, self._pid = folder / f'{name}.log', folder / f'{name}.pid'
        self._marks = tuple(map(os.fsencode, marks))
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, arguments: Sequence[str]) -> bool:
        """Start it; False if it runs already."""
        with self._lock:
            if self.number() is not None:
                return False
            with self._log.open('wb') as log:
                self._process = subprocess.Popen(
                    [sys.executable, '-m', 'mmaction_timesformer', *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._pid.write_text(str(self._process.pid), encoding='ascii')
            return True

    def stop(self) -> bool:
        """Ask it to end; False if it does not run."""
        number = self.number()
        if number is not None:
            os.kill(number, signal.SIGTERM)
        return number is not None

    def number(self) -> int | None:
        """The number of the process, if it is ours and alive."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        if self._process is not None or not self._pid.is_file():
            return None
        text = self._pid.read_text(encoding='ascii').strip()
        if not text.isdecimal():
            return None
        try:
            words = Path('/proc', text, 'cmdline').read_bytes().split(b'\0')
        except OSError:
            return None
        # A number is given again: only a process with our words is ours.
        return int(text) if all(mark in words for mark in self._marks) else None

    @property
    def last_word_at(self) -> float:
        """When its log was last written to; 0 if it never was."""
        return self._log.stat().st_mtime if self._log.is_file() else 0.0

    def lines(self) -> list[str]:
        """The end of its log."""
        if not self._log.is_file():
            return []
        with self._log.open('rb') as stream:
            stream.seek(max(0, self._log.stat().st_size - _MOST_LOG_BYTES))
            return stream.read().decode('utf-8', 'replace').strip().splitlines()

    def error(self) -> str:
        """The error that the last one ended with."""
        return next((line for line in reversed(self.lines()) if line.startswith('error')), '')
