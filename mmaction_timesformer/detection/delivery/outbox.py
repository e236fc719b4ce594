"""Records on their way to somebody who may not be there: kept on disk until they are taken."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_logger = logging.getLogger(__name__)


class DeliveryError(Exception):
    """Nobody took the record; it is worth trying again."""


class RejectedError(Exception):
    """The other side does not want this record, now or later."""


Deliver = Callable[[str, dict[str, Any]], None]
"""Hands over a record with its key, the same at every try, or raises one of the errors above."""


class Outbox:
    """A queue on disk and a thread that empties it in order.

    A record is delivered at least once: a process that is killed between the delivery and its note
    of it delivers again, with the same key.

    Args:
        file: The queue, an SQLite file. What an earlier process left in it is delivered first.
        deliver: How.
        first_retry_seconds: Wait after a failure; it doubles each time.
        max_retry_seconds: Limit of that wait.
        max_waiting: Records kept; beyond that the oldest are lost, and counted.

    Attributes:
        num_delivered: Records that were taken.
        num_rejected: Records that the other side did not want.
        num_lost: Records that were dropped because too many waited.
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
        self._file = Path(file)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._deliver = deliver
        self._first_retry_seconds = first_retry_seconds
        self._max_retry_seconds = max_retry_seconds
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._database = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
        self._database.execute('PRAGMA journal_mode=WAL')
        self._database.execute('PRAGMA synchronous=NORMAL')
        self._database.execute(
            'CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, '
            'key TEXT NOT NULL, record TEXT NOT NULL)'
        )
        self._thread = threading.Thread(target=self._empty, name=f'outbox {file}', daemon=True)
        self._thread.start()

    def put(self, key: str, record: Mapping[str, Any]) -> None:
        """Queue a record; when this returns, the end of the process cannot lose it."""
        text = json.dumps(record, ensure_ascii=False)
        with self._lock:
            self._database.execute('INSERT INTO outbox (key, record) VALUES (?, ?)', (key, text))
            excess = self._count() - self._max_waiting
            if excess > 0:
                self._database.execute(
                    'DELETE FROM outbox WHERE number IN '
                    '(SELECT number FROM outbox ORDER BY number LIMIT ?)',
                    (excess,),
                )
                self.num_lost += excess
        self._news.set()

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
        return self._database.execute('SELECT COUNT(*) FROM outbox').fetchone()[0]

    def _empty(self) -> None:
        delay, reason = self._first_retry_seconds, ''
        while not self._closing.is_set():
            try:
                self._news.clear()
                row = self._first()
                if row is None:
                    self._news.wait()
                    continue
                self._hand_over(*row)
                delay, reason = self._first_retry_seconds, ''
            # Whatever it is, nothing would be delivered any more if it ended this thread.
            except Exception as error:
                if repr(error) != reason:
                    _logger.warning('%s: %r; trying until it is taken', self._file, error)
                reason = repr(error)
                self._closing.wait(delay)
                delay = min(2 * delay, self._max_retry_seconds)

    def _first(self) -> tuple[int, str, str] | None:
        with self._lock:
            return self._database.execute(
                'SELECT number, key, record FROM outbox ORDER BY number LIMIT 1'
            ).fetchone()

    def _hand_over(self, number: int, key: str, text: str) -> None:
        try:
            self._deliver(key, json.loads(text))
            self.num_delivered += 1
        except RejectedError as error:
            _logger.error('%s: record %s was rejected: %s', self._file, key, error)
            self.num_rejected += 1
        with self._lock:
            self._database.execute('DELETE FROM outbox WHERE number = ?', (number,))
