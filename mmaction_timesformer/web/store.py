"""Verdicts of people, in a table that only grows: who said what about which item, and when.

Every row names the row of the same item that it follows, as the browser last saw it. No two rows
follow the same one, so of two people who judge an item at the same time the second is told and
nothing is overwritten in silence. A row's key is made by the browser before it is sent: sent again
after a dropped connection, it is stored once. Undo is another row; the current state is a view.
"""

from __future__ import annotations

import math
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

FILE = 'review.sqlite'
SAYINGS = ('right', 'wrong', 'relabel', 'undo')
"""The item is what it is said to be; nothing of the kind happened; another class; as before."""
MAX_TEXT = 200
_KEY = re.compile(r'[\w-]{8,64}')

_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    item TEXT NOT NULL,
    follows TEXT NOT NULL,
    undoes TEXT,
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    says TEXT NOT NULL CHECK (says IN ('right', 'wrong', 'relabel', 'undo')),
    source TEXT NOT NULL,
    label TEXT NOT NULL,
    start_seconds REAL NOT NULL,
    end_seconds REAL NOT NULL,
    shown_label TEXT NOT NULL,
    UNIQUE (item, follows)
);
CREATE TRIGGER IF NOT EXISTS rows_stay BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are never deleted'); END;
CREATE TRIGGER IF NOT EXISTS rows_do_not_change BEFORE UPDATE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts never change'); END;
CREATE INDEX IF NOT EXISTS of_item ON verdicts (item, number);
CREATE INDEX IF NOT EXISTS undone ON verdicts (undoes);
CREATE VIEW IF NOT EXISTS effective AS
    SELECT * FROM verdicts AS v WHERE says != 'undo'
    AND NOT EXISTS (SELECT 1 FROM verdicts AS u WHERE u.undoes = v.key);
CREATE VIEW IF NOT EXISTS states AS
    SELECT e.*, (SELECT key FROM verdicts WHERE item = e.item ORDER BY number DESC LIMIT 1) AS head
    FROM effective AS e
    WHERE number = (SELECT max(number) FROM effective WHERE item = e.item);
CREATE TABLE IF NOT EXISTS whole (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL, is_whole INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class Verdict:
    """A verdict of somebody on an item.

    Attributes:
        key: Made by the browser, different for every press.
        item: The item's id.
        follows: Key of the item's newest row that was known then; empty for the first.
        who: Who says so.
        says: One of `SAYINGS`.
        source: The item's recording or camera.
        label: The class that it is; for a wrong alarm the class that it is not.
        start_seconds: When it begins.
        end_seconds: When it ends.
        shown_label: The class that the model gave; empty for what was labelled by hand.
    """

    key: str
    item: str
    follows: str
    who: str
    says: str
    source: str
    label: str
    start_seconds: float
    end_seconds: float
    shown_label: str = ''

    def __post_init__(self) -> None:
        for name in ('key', 'item'):
            if not _KEY.fullmatch(getattr(self, name)):
                raise ValueError(f'{name} must be 8 to 64 letters and digits')
        if self.says not in SAYINGS:
            raise ValueError(f'says={self.says!r} is unknown; choose from {SAYINGS}')
        for name in ('who', 'label', 'shown_label', 'follows'):
            if len(getattr(self, name)) > MAX_TEXT:
                raise ValueError(f'{name} is longer than {MAX_TEXT} letters')
        if not self.label or not self.label.isprintable() or not self.who.isprintable():
            raise ValueError('a label is missing, or a text has signs that cannot be printed')
        start, end = self.start_seconds, self.end_seconds
        if not (0 <= start < end < math.inf):
            raise ValueError(f'{start} s to {end} s is not an interval')


class ConflictError(Exception):
    """Somebody else has judged the item since.

    Attributes:
        state: The item's state now.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(f'{state["who"]} has judged this at {state["at"]}')
        self.state = state


class Store:
    """The verdicts of one folder of results.

    Args:
        folder: The folder; `FILE` in it is made if it is missing.

    Raises:
        ValueError: The file is not such a table.
        OSError: It cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / FILE
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(self.file, check_same_thread=False, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            # A commit is on the disk when it returns: neither a kill nor a power cut loses it.
            self._base.execute('PRAGMA journal_mode = WAL')
            self._base.execute('PRAGMA synchronous = FULL')
            self._base.execute('PRAGMA busy_timeout = 5000')
            self._base.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error), str(self.file)) from None
        except sqlite3.DatabaseError as error:
            raise ValueError(f'{self.file} holds no verdicts: {error}') from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; none of it is stored if it fails."""
        with self._lock:
            try:
                self._base.execute('BEGIN IMMEDIATE')
                yield self._base
                self._base.execute('COMMIT')
            except sqlite3.OperationalError as error:
                self._roll_back()
                raise OSError(0, str(error), str(self.file)) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._base.in_transaction:
            self._base.execute('ROLLBACK')

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._base.execute(query, values)]

    def add(self, verdict: Verdict) -> dict[str, Any]:
        """Store a verdict; when this returns, nothing loses it.

        Returns:
            The item's state, see `state`.

        Raises:
            ConflictError: The item has rows that `follows` does not know.
            ValueError: There is nothing to undo, or the key was used for something else.
            OSError: The disk is full, or the file cannot be written.
        """
        with self._writing() as base:
            known = base.execute(
                'SELECT item, says, label FROM verdicts WHERE key = ?', (verdict.key,)
            ).fetchone()
            if known is not None:
                if (known['item'], known['says']) != (verdict.item, verdict.says):
                    raise ValueError(f'the key {verdict.key} was used for another verdict')
            else:
                self._check_follows(base, verdict)
                self._insert(base, verdict)
        return self.state(verdict.item)

    def _check_follows(self, base: sqlite3.Connection, verdict: Verdict) -> None:
        newest = _newest(base, verdict.item)
        if verdict.follows != ('' if newest is None else newest['key']):
            raise ConflictError(_state(base, verdict.item))

    def _insert(self, base: sqlite3.Connection, verdict: Verdict) -> None:
        undoes = None
        if verdict.says == 'undo':
            row = base.execute('SELECT key FROM states WHERE item = ?', (verdict.item,)).fetchone()
            if row is None:
                raise ValueError('there is nothing to undo')
            undoes = row['key']
        row = {
            **vars(verdict),
            'undoes': undoes,
            'at': datetime.now(timezone.utc).isoformat(timespec='milliseconds'),
        }
        names = ', '.join(row)
        places = ', '.join(f':{name}' for name in row)
        base.execute(f'INSERT INTO verdicts ({names}) VALUES ({places})', row)

    def state(self, item: str) -> dict[str, Any]:
        """The state of an item: ``says`` is empty where it is not judged; ``head`` is its key."""
        with self._lock:
            return _state(self._base, item)

    def states(self) -> dict[str, dict[str, Any]]:
        """The state of every item that is judged now or was once."""
        found = {row['item']: {'says': '', **row} for row in self._heads()}
        found.update((row['item'], row) for row in self._read('SELECT * FROM states'))
        return found

    def _heads(self) -> list[dict[str, Any]]:
        return self._read(
            'SELECT item, key AS head, who, at FROM verdicts AS v '
            'WHERE number = (SELECT max(number) FROM verdicts WHERE item = v.item)'
        )

    def history(self, item: str | None = None, newest: int = 1000) -> list[dict[str, Any]]:
        """Rows as they were written, of one item or of all, the newest first."""
        where, values = ('WHERE item = ?', [item]) if item else ('', [])
        return self._read(
            f'SELECT * FROM verdicts {where} ORDER BY number DESC LIMIT ?', [*values, newest]
        )

    def set_whole(self, source: str, who: str, is_whole: bool) -> None:
        """Note whether everything that happens in a recording is labelled."""
        now = datetime.now(timezone.utc).isoformat(timespec='milliseconds')
        with self._writing() as base:
            base.execute(
                'INSERT INTO whole (source, who, at, is_whole) VALUES (?, ?, ?, ?)',
                (source, who[:MAX_TEXT], now, int(is_whole)),
            )

    def whole(self) -> set[str]:
        """Recordings in which everything is labelled."""
        rows = self._read('SELECT source, is_whole FROM whole ORDER BY number')
        last = {row['source']: row['is_whole'] for row in rows}
        return {source for source, is_whole in last.items() if is_whole}

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def _newest(base: sqlite3.Connection, item: str) -> sqlite3.Row | None:
    query = 'SELECT * FROM verdicts WHERE item = ? ORDER BY number DESC LIMIT 1'
    return base.execute(query, (item,)).fetchone()


def _state(base: sqlite3.Connection, item: str) -> dict[str, Any]:
    row = base.execute('SELECT * FROM states WHERE item = ?', (item,)).fetchone()
    if row is not None:
        return dict(row)
    newest = _newest(base, item)
    if newest is None:
        return {'item': item, 'says': '', 'head': '', 'who': '', 'at': ''}
    return {
        'item': item,
        'says': '',
        'head': newest['key'],
        'who': newest['who'],
        'at': newest['at'],
    }
