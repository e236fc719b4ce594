"""True events of recordings, as people have written them down."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from video_clips.plain_data import parse_json


@dataclass(frozen=True)
class TrueEvent:
    """An event that happened.

    Attributes:
        label: Its class.
        start_seconds: When it began.
        end_seconds: When it ended.
    """

    label: str
    start_seconds: float
    end_seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_seconds < self.end_seconds < math.inf:
            raise ValueError(
                f'{self.label} from {self.start_seconds} s to {self.end_seconds} s is not an event'
            )


@dataclass(frozen=True)
class TrueRecording:
    """A recording and all that happened in it.

    Attributes:
        events: The events, of every danger class.
        duration_seconds: How long it is; None if nobody wrote it down.
    """

    events: tuple[TrueEvent, ...]
    duration_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.duration_seconds is not None and not 0 < self.duration_seconds < math.inf:
            raise ValueError(f'duration_seconds={self.duration_seconds} must be above 0')


def read_truth(file: str | Path) -> dict[str, TrueRecording]:
    """Read true events.

    Args:
        file: JSON, ``{"yard.mp4": {"duration_seconds": 60, "events": [{"label": ..,
            "start_seconds": .., "end_seconds": ..}]}}``, or CSV with the columns ``source``,
            ``label``, ``start_seconds``, ``end_seconds`` and, if wanted, ``duration_seconds``. A
            CSV row without a label names a recording in which nothing happened.

    Returns:
        The recordings by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of another form; the message says where.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such file of true events')
    try:
        recordings = _read_csv(file) if file.suffix.lower() == '.csv' else _read_json(file)
    except (KeyError, TypeError, AttributeError, ValueError, csv.Error) as error:
        reason = f'{error} is missing' if isinstance(error, KeyError) else str(error)
        raise ValueError(f'{file} holds no true events: {reason}') from None
    if not recordings:
        raise ValueError(f'{file} names no recording')
    return recordings


def _read_json(file: Path) -> dict[str, TrueRecording]:
    content = parse_json(file.read_text(encoding='utf-8'))
    if not isinstance(content, Mapping):
        raise ValueError(f'recordings by name are expected, not a {type(content).__name__}')
    return {name: _recording(name, fields) for name, fields in content.items()}


def _recording(name: str, fields: Any) -> TrueRecording:
    events = fields.get('events') if isinstance(fields, Mapping) else None
    if not isinstance(events, list) or not all(isinstance(event, Mapping) for event in events):
        raise ValueError(f'{name!r} is expected to have "events", a list of objects')
    return TrueRecording(
        tuple(_event(event) for event in events), _duration(fields.get('duration_seconds'))
    )


def _read_csv(file: Path) -> dict[str, TrueRecording]:
    events: dict[str, list[TrueEvent]] = {}
    durations: dict[str, float] = {}
    with file.open(encoding='utf-8-sig', newline='') as stream:
        for row in csv.DictReader(stream):
            of_source = events.setdefault(row['source'], [])
            if row['label']:
                of_source.append(_event(row))
            if row.get('duration_seconds'):
                durations[row['source']] = float(row['duration_seconds'])
    return {
        name: TrueRecording(tuple(found), durations.get(name)) for name, found in events.items()
    }


def _duration(value: Any) -> float | None:
    return None if value is None else float(value)


def _event(fields: Mapping[str, Any]) -> TrueEvent:
    return TrueEvent(
        str(fields['label']), float(fields['start_seconds']), float(fields['end_seconds'])
    )


def match_names(sources: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Which recording each source is: the one of its name, or of the end of its path.

    Args:
        sources: Names of sources, often paths.
        names: Names of recordings.

    Returns:
        The recording of each source that has one.

    Raises:
        ValueError: Two recordings fit one source, or no source has a recording.
    """
    names = list(names)
    found = {}
    for source in sources:
        parts = PurePath(source).parts
        fitting = [n for n in names if parts[-len(PurePath(n).parts) :] == PurePath(n).parts]
        if len(fitting) > 1 and source not in fitting:
            raise ValueError(f'{source} may be any of {fitting}; name recordings by longer paths')
        if fitting:
            found[source] = source if source in fitting else fitting[0]
    if not found:
        raise ValueError(f'no source is one of the recordings {names[:5]}')
    return found
