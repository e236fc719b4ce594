"""Records on their way to a receiver that may be away: kept on disk until they are taken."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_logger = logging.getLogger(__name__)


class DeliveryError(Exception):
    """The record was not taken; another try may work."""


class RejectedError(Exception):
    """The receiver refuses this record, while it may take others."""


Deliver = Callable[[str, dict[str, Any]], None]
"""Hands over a record with its key, the same at every try, or raises one of the errors above."""


class Outbox:
    """A queue on disk and a thread that empties it in order.

    A record is delivered at least once: a process that is killed between the delivery and its note
    of it delivers again, with the same key. A rejected record is kept, and tried again by the next
    process. While the disk is full, records wait in memory.

    Args:
        file: The queue, an SQLite file. What an earlier process left in it is delivered first.
        deliver: Delivers one record.
        first_retry_seconds: Wait after a failure; it doubles each time.
        max_retry_seconds: Limit of that wait.
        max_waiting: Records kept; beyond that the oldest are lost, and counted.

    Attributes:
        num_delivered: Records that were taken.
        num_rejected: Records that the receiver refused; they are kept.
        num_lost: Records that were dropped because too many waited.
        last_failure: Why the last try failed; empty after a delivery.
        last_rejection: Why the receiver refused the last record that it refused.
    """

    def __init__(
        self,
        file: str | Path,
        deliver: Deliver,
        first_retry_seconds: float = 1.0,
        max_retry_seconds: float = 60.0,
        max_waiting: int = 100_000,
    ) -> None:
        self.num_delivered = self.num_rejected = self.num_lost = 0
        self.last_failure = self.last_rejection = ''
        self._file = Path(file)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._deliver = deliver
        self._first_retry_seconds = first_retry_seconds
        self._max_retry_seconds = max_retry_seconds
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._done_number = 0
        self._has_overflowed = False  # since the last record that could be written
        self._in_memory: deque[tuple[str, str]] = deque()
        self._database = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
        try:
            self._prepare_tables()
        except sqlite3.Error as error:
            raise OSError(f'{self._file}: {error}') from None
        self._thread = threading.Thread(target=self._empty, name=f'outbox {file}', daemon=True)
        self._thread.start()

    def _prepare_tables(self) -> None:
        self._database.execute('PRAGMA journal_mode=WAL')
        self._database.execute('PRAGMA synchronous=NORMAL')
        for table in ('outbox', 'rejected'):
            self._database.execute(
                f'CREATE TABLE IF NOT EXISTS {table} (number INTEGER PRIMARY KEY AUTOINCREMENT, '
                'key TEXT NOT NULL, record TEXT NOT NULL)'
            )
        # What was refused may be taken now, by a receiver that was repaired.
        self._database.execute('BEGIN')
        self._database.execute(
            'INSERT INTO outbox (key, record) SELECT key, record FROM rejected ORDER BY number'
        )
        self._database.execute('DELETE FROM rejected')
        self._database.execute('COMMIT')

    def put(self, key: str, record: Mapping[str, Any]) -> None:
        """Queue a record; when this returns, the end of the process cannot lose it."""
        text = json.dumps(record, ensure_ascii=False).encode('utf-8', 'backslashreplace').decode()
        with self._lock:
            try:
                insert = 'INSERT INTO outbox (key, record) VALUES (?, ?)'
                self._database.execute(insert, (key, text))
                self._has_overflowed = False
            except sqlite3.Error as error:
                self._keep_in_memory(key, text, error)
            excess = self._count() - self._max_waiting
            if excess > 0:
                self._lose(excess)
        self._news.set()

    def _keep_in_memory(self, key: str, text: str, error: Exception) -> None:
        if not self._has_overflowed:
            _logger.error('%s cannot be written (%s): records wait in memory', self._file, error)
        self._has_overflowed = True
        self._in_memory.append((key, text))

    def _lose(self, excess: int) -> None:
        if not self.num_lost:
            limit = self._max_waiting
            _logger.error('%s: over %d records wait; the oldest are dropped', self._file, limit)
        self.num_lost += excess
        try:
            self._database.execute(
                'DELETE FROM outbox WHERE number IN '
                '(SELECT number FROM outbox WHERE number > ? ORDER BY number LIMIT ?)',
                (self._done_number, excess),
            )
        except sqlite3.Error:
            while len(self._in_memory) > self._max_waiting:
                self._in_memory.popleft()

    @property
    def num_waiting(self) -> int:
        """Records that are still to be delivered."""
        with self._lock:
            return self._count()

    def close(self, timeout_seconds: float = 5.0) -> int:
        """Deliver what can be delivered in this time; the rest stays on disk.

        Returns:
            How many records stay.
        """
        deadline = time.monotonic() + timeout_seconds
        while self.num_waiting and time.monotonic() < deadline and self._thread.is_alive():
            time.sleep(0.02)
        self._closing.set()
        self._news.set()
        self._thread.join(max(deadline - time.monotonic(), 1.0))
        remaining = self.num_waiting
        if not self._thread.is_alive():
            self._database.close()
        return remaining

    def _count(self) -> int:
        query = 'SELECT COUNT(*) FROM outbox WHERE number > ?'
        on_disk = self._database.execute(query, (self._done_number,)).fetchone()[0]
        return on_disk + len(self._in_memory)

    def _empty(self) -> None:
        delay = self._first_retry_seconds
        while not self._closing.is_set():
            try:
                self._news.clear()
                row = self._first()
                if row is None:
                    self._news.wait()
                    continue
                self._hand_over(*row)
                delay, self.last_failure = self._first_retry_seconds, ''
            # Any error that ended this thread would end all deliveries.
            except Exception as error:
                if str(error) != self.last_failure:
                    _logger.warning('%s: %s; trying until it is taken', self._file, error)
                self.last_failure = str(error)
                self._closing.wait(delay)
                delay = min(2 * delay, self._max_retry_seconds)

    def _first(self) -> tuple[int | None, str, str] | None:
        with self._lock:
            row = self._database.execute(
                'SELECT number, key, record FROM outbox WHERE number > ? ORDER BY number LIMIT 1',
                (self._done_number,),
            ).fetchone()
            return row or ((None, *self._in_memory[0]) if self._in_memory else None)

    def _hand_over(self, number: int | None, key: str, text: str) -> None:
        rejection = None
        try:
            self._deliver(key, json.loads(text))
            self.num_delivered += 1
        except RejectedError as error:
            rejection = self.last_rejection = str(error)
            _logger.error('%s: record %s was rejected and is kept: %s', self._file, key, error)
            self.num_rejected += 1
        with self._lock:
            if number is None:
                self._in_memory.popleft()
            else:
                self._done_number = number
            try:
                self._note(number, key, text, rejection)
            except sqlite3.Error as error:
                # After a restart it is delivered again, with the same key.
                _logger.warning('%s cannot be written: %s', self._file, error)

    def _note(self, number: int | None, key: str, text: str, rejection: str | None) -> None:
        if rejection is not None:
            insert = 'INSERT INTO rejected (key, record) VALUES (?, ?)'
            self._database.execute(insert, (key, text))
        if number is not None:
            self._database.execute('DELETE FROM outbox WHERE number = ?', (number,))
