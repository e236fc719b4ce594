"""Files that only grow: each line is complete once it is written, whatever kills the writer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.events.events import DangerEvent


def open_for_appending(file: Path) -> Any:
    """Open a text file of lines to append to, without a line that a killed writer left half done.

    Returns:
        A text stream that hands every line to the operating system as it is written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        with file.open('rb+') as stream:
            stream.truncate(_end_of_last_line(stream))
    return file.open('a', encoding='utf-8', newline='', buffering=1)


def _end_of_last_line(stream: Any, block_bytes: int = 1 << 16) -> int:
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
        self._stream = open_for_appending(Path(file))

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record; when this returns, the end of the process cannot lose it."""
        self._stream.write(json.dumps(record, ensure_ascii=False) + '\n')

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def read_records(file: str | Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines; half a line at the end is what a killed writer leaves, and is left out.

    Raises:
        ValueError: Another line is no JSON object.
    """
    with Path(file).open(encoding='utf-8') as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith('\n'):
                return
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f'{file}, line {number}: no JSON ({error})') from None
            if not isinstance(record, dict):
                raise ValueError(f'{file}, line {number}: no JSON object')
            yield record


def read_events(file: str | Path) -> list[DangerEvent]:
    """Each event of ``events.jsonl`` once, as it was told last, in order of source and start.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no record.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f'{file}: no such file of events')
    last = {
        record['event_id']: DangerEvent.from_record(record)
        for record in read_records(file)
        if record.get('record') == 'event'
    }
    return sorted(last.values(), key=lambda event: (event.source, event.start_seconds))
