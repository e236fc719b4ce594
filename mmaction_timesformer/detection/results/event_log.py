"""The events in ``events.jsonl``."""

from __future__ import annotations

from pathlib import Path

from mmaction_timesformer.detection.events.events import DangerEvent
from video_clips.growing_files import GrowingFile, JsonLines, read_records

__all__ = ['GrowingFile', 'JsonLines', 'read_events', 'read_records']


def read_events(file: str | Path) -> list[DangerEvent]:
    """Read each event of ``events.jsonl`` once, as reported last, in order of source and start.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no record.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f'{file}: no such file of events')
    last: dict[str, DangerEvent] = {}
    for number, record in enumerate(read_records(file), start=1):
        if record.get('record') == 'event':
            try:
                event = DangerEvent.from_record(record)
            except ValueError as error:
                raise ValueError(f'{file}, line {number}: {error}') from None
            last[event.event_id] = event
    return sorted(last.values(), key=lambda event: (event.source, event.start_seconds))
