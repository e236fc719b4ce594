"""Bringing trackers and models to where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.sources.feed import Resume
from mmaction_timesformer.detection.sources.records import Gap


def after_state(resume: Resume, seen_until: float | None) -> Resume:
    """Where to resume a source whose model must have seen all of it: after its saved state.

    Later frames, or all if there is none, are scored again, to bring the state to where it was.
    """
    kept = tuple(
        item
        for item in resume.past
        if isinstance(item, Gap) or (seen_until is not None and item.seconds <= seen_until)
    )
    return replace(resume, past=kept)


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
