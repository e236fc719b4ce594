"""A danger event: when one class was seen in one source, and how surely."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

EventState = Literal['open', 'growing', 'closed']


@dataclass(frozen=True)
class DangerEvent:
    """One event as it is known at one moment.

    Times in seconds are those of the source's time line: a player's for a recording, and since the
    first frame for a live source.

    Attributes:
        event_id: The same in every state of the event, different between events of one output.
        state: ``open`` when the alarm is raised, ``growing`` while it lasts, ``closed`` at last.
        label: The class.
        start_seconds: When it began.
        end_seconds: Until when it is known to last; final once it is closed.
        alarm_seconds: Time of the newest frame that had been seen when the alarm was raised.
        peak_seconds: When the score was highest.
        peak_score: The highest smoothed probability.
        mean_score: The mean smoothed probability.
        source: Name of the source.
        model: Fingerprint of the model and of the settings that found it.
        start_time: Wall-clock time of the start, ISO 8601, where the source has it.
        end_time: Wall-clock time of the end.
        latency_seconds: From the arrival of the newest frame to this report.
        interrupted: Whether the end is only where a killed run stopped looking.
    """

    event_id: str
    state: EventState
    label: str
    start_seconds: float
    end_seconds: float
    alarm_seconds: float
    peak_seconds: float
    peak_score: float
    mean_score: float
    source: str = ''
    model: str = ''
    start_time: str | None = None
    end_time: str | None = None
    latency_seconds: float | None = None
    interrupted: bool = False

    @property
    def duration_seconds(self) -> float:
        """How long the event lasts, as far as is known."""
        return self.end_seconds - self.start_seconds

    def to_record(self) -> dict[str, Any]:
        """The event as one line of ``events.jsonl``."""
        return {'record': 'event', **asdict(self)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> DangerEvent:
        """Read a line of ``events.jsonl``.

        Raises:
            ValueError: A field is missing or of another type, or an end lies before its start.
        """
        known = {field.name for field in fields(cls)}
        try:
            event = cls(**{name: value for name, value in record.items() if name in known})
        except TypeError as error:
            raise ValueError(f'this is no event record ({error}): {record}') from None
        wrong = [field.name for field in fields(cls) if not _fits(event, field.name)]
        if wrong:
            raise ValueError(f'this is no event record ({", ".join(wrong)}): {record}')
        if event.start_seconds > event.end_seconds:
            raise ValueError(f'the event ends before it starts: {record}')
        return event


def _fits(event: DangerEvent, name: str) -> bool:
    """Whether a field has the type that is written; times of day may be missing."""
    value = getattr(event, name)
    if name.endswith('_time'):
        return value is None or isinstance(value, str)
    if name == 'interrupted':
        return isinstance(value, bool)
    if name.endswith(('_seconds', '_score')):
        is_number = isinstance(value, int | float) and math.isfinite(value)
        return is_number or (name == 'latency_seconds' and value is None)
    return isinstance(value, str)


def event_key(event: DangerEvent) -> tuple[str, str, float]:
    """A key that is the same each time an event is reported in the same state."""
    return event.event_id, event.state, event.end_seconds


def wall_clock(epoch: datetime | None, seconds: float) -> str | None:
    """ISO 8601 time, to the millisecond, `seconds` after 0 of the source's time line."""
    if epoch is None:
        return None
    return (epoch + timedelta(seconds=seconds)).isoformat(timespec='milliseconds')


def time_of_day(time: str | None) -> str | None:
    """An ISO 8601 time as people here read it: local, to the tenth, with the offset from UTC."""
    if time is None:
        return None
    local = datetime.fromisoformat(time).astimezone()
    return f'{local:%H:%M:%S}.{local.microsecond // 100_000}{local.isoformat()[-6:]}'


def clock(seconds: float) -> str:
    """Hours, minutes, seconds and tenths, as far as there are any."""
    hours, rest = divmod(round(seconds, 1), 3600)
    minutes, rest = divmod(rest, 60)
    return (f'{int(hours)}:{int(minutes):02}' if hours else f'{int(minutes)}') + f':{rest:04.1f}'
