"""Bringing trackers and models to where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.sources.feed import Resume
from mmaction_timesformer.detection.sources.records import Gap


def from_the_start(resume: Resume) -> tuple[Resume, float | None]:
    """Where to resume a source whose model must have seen all of it, and what is scored already.

    The frames before are scored again, to bring the model's state to where it was.
    """
    gaps = tuple(item for item in resume.past if isinstance(item, Gap))
    return replace(resume, past=gaps), resume.after_seconds


def replay(tracker: EventTracker, past: Iterable[ScoredWindow | Gap]) -> list[DangerEvent]:
    """Bring a tracker to where an earlier run stopped.

    Args:
        tracker: A new tracker.
        past: What that run logged, in order.

    Returns:
        The events that this gives, some of which the earlier run may not have reported.
    """
    events = []
    for item in past:
        if isinstance(item, ScoredWindow):
            events += tracker.push(item)
        else:
            events += tracker.finish(item.start_seconds)
            if item.end_seconds is not None:
                tracker.begin(item.end_seconds)
    return events
