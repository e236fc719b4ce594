"""A reviewer who knows the truth, and answers the items of the review queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.learning.watching import Day
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.web.items import Item
from video_clips.clip import Clip

SHOWN = 0.5
"""Share of an item, or of a true event, from which the reviewer sees the event in the item."""


def review(day: Day, items: Sequence[Item], classes: Sequence[str]) -> Corrections:
    """Answer items: the class that each shows, with its true start and end; or nothing."""
    clips = []
    for item in items:
        name = Path(item.source).name
        found = shown_event(item, day.results.truth[name].events)
        span = (item.start_seconds, item.end_seconds)
        if found is not None:
            span = (found.start_seconds, found.end_seconds)
        label = SAFE_CLASS if found is None else found.label
        path = (day.recordings / name).resolve()
        clips.append(Clip(str(path), list(classes).index(label), path.stem, *span))
    return Corrections.of(clips, classes)


def shown_event(item: Item, events: Sequence[TrueEvent]) -> TrueEvent | None:
    """The event that a reviewer sees in an item, who knows the truth."""

    def share(event: TrueEvent) -> float:
        begin = max(item.start_seconds, event.start_seconds)
        end = min(item.end_seconds, event.end_seconds)
        lengths = (item.end_seconds - item.start_seconds, event.end_seconds - event.start_seconds)
        return max(0.0, end - begin) / min(lengths)

    best = max(events, key=share, default=None)
    return best if best is not None and share(best) >= SHOWN else None


def known_truth(day: Day, corrections: Corrections) -> dict[str, TrueRecording]:
    """The truth as far as the answers tell it; nothing else has happened."""
    events: dict[str, list[TrueEvent]] = {name: [] for name in day.results.truth}
    for clip in corrections.clips:
        label = corrections.label_name(clip)
        if label != SAFE_CLASS:
            assert label is not None
            start, end = clip.start_seconds, clip.end_seconds
            assert start is not None
            assert end is not None
            events[Path(clip.path).name].append(TrueEvent(label, start, end))
    return {
        name: replace(known, events=tuple(sorted(events[name], key=lambda e: e.start_seconds)))
        for name, known in day.results.truth.items()
    }
