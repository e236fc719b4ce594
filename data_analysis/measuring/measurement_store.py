"""Remembers measurements on disk, so that an interrupted run goes on where it stopped.

A measurement is valid as long as the file has the size and the modification time it had then, and
serves every request for its own tier or a shallower one. SQLite survives a killed process, holds
any number of clips without loading them, and needs nothing installed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_SECONDS_BETWEEN_COMMITS = 1.0


class MeasurementStore:
    """A table from a file's identity to its measurement.

    Args:
        path: The SQLite file; made when it is missing.
        version: Measurements made by another version of the code are not used.

    Raises:
        ValueError: if the file exists and is not such a store.
    """

    def __init__(self, path: Path, version: str) -> None:
        self._version = version
        self._path = path
        try:
            self._database = sqlite3.connect(path)
            self._database.execute(
                'CREATE TABLE IF NOT EXISTS measurements (path BLOB PRIMARY KEY, bytes INTEGER, '
                'modified_ns INTEGER, tier INTEGER, version TEXT, measurement TEXT)'
            )
        except sqlite3.OperationalError as error:
            raise OSError(f'{path}: {error}') from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f'{path} is not a store of measurements ({error}); delete it or name another --out'
            ) from error
        self._last_commit = time.monotonic()

    def __enter__(self) -> MeasurementStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._commit()
        except OSError:
            if error is None:  # else it would hide what ended the run
                raise
        finally:
            self._database.close()

    def get(self, path: str, num_bytes: int, modified_ns: int, tier: int) -> dict[str, Any] | None:
        """Returns the measurement of an unchanged file, if it is at least as deep as `tier`."""
        row = self._database.execute(
            'SELECT measurement FROM measurements WHERE path = ? AND bytes = ? '
            'AND modified_ns = ? AND tier >= ? AND version = ?',
            (os.fsencode(path), num_bytes, modified_ns, tier, self._version),
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def put(
        self, path: str, num_bytes: int, modified_ns: int, tier: int, measurement: dict[str, Any]
    ) -> None:
        """Stores a measurement. It is on disk about a second later, or when the store is closed.

        Raises:
            OSError: It cannot be written.
        """
        self._execute(
            'INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?, ?, ?)',
            (
                os.fsencode(path),  # a file's name need not be valid Unicode
                num_bytes,
                modified_ns,
                tier,
                self._version,
                json.dumps(measurement),
            ),
        )
        if time.monotonic() - self._last_commit > _SECONDS_BETWEEN_COMMITS:
            self._commit()
            self._last_commit = time.monotonic()

    def _execute(self, statement: str, values: tuple[Any, ...]) -> None:
        try:
            self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise OSError(f'{self._path}: {error}') from error

    def _commit(self) -> None:
        try:
            self._database.commit()
        except sqlite3.OperationalError as error:
            raise OSError(f'{self._path}: {error}') from error
