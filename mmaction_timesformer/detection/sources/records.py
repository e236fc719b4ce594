"""Records of a source: it begins, breaks off, drifts, ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Begin:
    """The first frame of a source has come.

    Attributes:
        source: The source's name.
        epoch: Wall-clock time at 0 of its time line, if it is known.
        seconds: Time of the first frame.
        clock: Where `epoch` comes from.
    """

    source: str
    epoch: datetime | None
    seconds: float = 0.0
    clock: str = ''


@dataclass(frozen=True)
class Gap:
    """A stretch of time in which a source shows nothing.

    Attributes:
        source: The source's name.
        start_seconds: Time of the last frame before.
        end_seconds: Time of the first frame after; None while it lasts.
        reason: Why.
    """

    source: str
    start_seconds: float
    end_seconds: float | None
    reason: str


@dataclass(frozen=True)
class Drift:
    """A live source's time stamps run at another pace than its frames arrive.

    Attributes:
        source: The source's name.
        seconds: When this was noticed.
        pace: Seconds of time stamps per second of arrival.
        remark: The same in words.
    """

    source: str
    seconds: float
    pace: float
    remark: str


@dataclass(frozen=True)
class End:
    """A source is over.

    Attributes:
        source: The source's name.
        seconds: Time of the end of its last frame.
        error: Why it could not be used; empty if all is well.
        remark: Further findings: where reading broke off, what could not be decoded.
        num_frames: Frames decoded, those of the earlier runs that a run resumes included.
        from_seconds: Where this run began to read; above 0 after a resume.
        file: Identity of a recording, see `file_state.identify`.
    """

    source: str
    seconds: float
    error: str = ''
    remark: str = ''
    num_frames: int = 0
    from_seconds: float = 0.0
    file: Mapping[str, Any] | None = None


SourceRecord = Begin | Gap | Drift | End
