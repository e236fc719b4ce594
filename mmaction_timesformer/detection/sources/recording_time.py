"""The wall-clock time at which a recording begins, by its container's account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import av
from av.container import InputContainer
from av.video.stream import VideoStream

RULES = ('start', 'end', 'none')
"""Readings of ``creation_time``: start of the recording, its end (many cameras), or not at all."""

_APPLE_KEY = 'com.apple.quicktime.creationdate'
# Cameras without a clock write the beginning of their calendar.
_EARLIEST_YEAR = 1981


@dataclass(frozen=True)
class RecordingTime:
    """Wall-clock time at 0 of a recording.

    Attributes:
        epoch: The time; None where the container has none.
        clock: Where it comes from, for people.
    """

    epoch: datetime | None = None
    clock: str = ''


def recording_time(
    container: InputContainer, stream: VideoStream, rule: str = 'start'
) -> RecordingTime:
    """Read the time of recording.

    ``com.apple.quicktime.creationdate`` of phones is always the start and wins. AVI, and times
    without an offset from UTC, are local time (``TZ`` sets another zone).

    Args:
        container: The open container.
        stream: Its video.
        rule: One of `RULES`, for ``creation_time``.
    """
    if rule == 'none':
        return RecordingTime(None, 'none: left out as asked')
    apple = container.metadata.get(_APPLE_KEY)
    if (moment := _parse(apple, False)) is not None:
        return RecordingTime(moment, f'{_APPLE_KEY}: start of recording')
    is_local = container.format.name == 'avi'
    text = container.metadata.get('creation_time') or stream.metadata.get('creation_time')
    moment = _parse(text, is_local)
    if moment is None:
        return RecordingTime()
    zone = ', local time' if is_local else ''
    if rule == 'start':
        return RecordingTime(moment, f'creation_time: start of recording{zone}')
    if container.duration is None:
        return RecordingTime(None, 'creation_time: end of a recording of unknown length')
    length = timedelta(seconds=container.duration / av.time_base)
    return RecordingTime(moment - length, f'creation_time: end of recording{zone}')


def _parse(text: str | None, is_local: bool) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or '').strip().replace('Z', '+00:00'))
    except ValueError:
        return None
    if moment.year < _EARLIEST_YEAR:
        return None
    if is_local:
        moment = moment.replace(tzinfo=None)
    # Without an offset, this takes the local zone.
    return moment if moment.tzinfo else moment.astimezone().astimezone(timezone.utc)
