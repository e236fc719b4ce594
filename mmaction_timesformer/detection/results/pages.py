"""``report.html``: the events of a run, with timelines that seek the videos."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from data_analysis.report.html import write_page
from mmaction_timesformer.detection.events.events import DangerEvent, clock, time_of_day, wall_clock
from mmaction_timesformer.detection.events.rules import EventRule, score_column
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.drawing import class_colours
from mmaction_timesformer.detection.sources.records import Gap

# What browsers play; another container is shown if there is an annotated copy.
_PLAYABLE = ('.mp4', '.m4v', '.webm')
_MAX_POINTS = 1500


@dataclass(frozen=True)
class SourcePage:
    """A source in the report.

    Attributes:
        name: The source.
        duration_seconds: How far it was watched.
        events: Its events.
        windows: Its scored windows.
        gaps: When it showed nothing.
        epoch: Wall-clock time of its first frame.
        error: Why it could not be used.
        video: A video that a browser plays, if there is one.
        media: Picture and clip of events, by their ids.
    """

    name: str
    duration_seconds: float
    events: Sequence[DangerEvent]
    windows: Sequence[ScoredWindow]
    gaps: Sequence[Gap] = ()
    epoch: datetime | None = None
    error: str = ''
    video: Path | None = None
    media: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)


def playable(path: str | Path) -> Path | None:
    """The path, if a browser plays such files."""
    return Path(path) if Path(path).suffix.lower() in _PLAYABLE else None


def write_report(
    file: str | Path,
    pages: Sequence[SourcePage],
    classes: Sequence[str],
    rules: Mapping[str, EventRule],
    footer: str,
) -> None:
    """Write the report.

    Args:
        file: The HTML file; videos and pictures are linked from its folder.
        pages: The sources.
        classes: The model's classes in index order.
        rules: The rules of those that are dangers.
        footer: A sentence about the run.
    """
    folder, labels = Path(file).parent, list(rules)
    sources = [_source(page, folder, classes, rules) for page in pages]
    write_page(
        Path(file),
        Path(__file__).parent / 'templates' / 'events.html.j2',
        sources=sources,
        labels=labels,
        colours=class_colours(labels),
        rules=rules,
        counts={label: _count(pages, label) for label in labels},
        cards=_cards(pages),
        footer=footer,
    )


def _source(
    page: SourcePage, folder: Path, classes: Sequence[str], rules: Mapping[str, EventRule]
) -> dict[str, Any]:
    ends = [event.end_seconds for event in page.events] + [1e-3]
    duration = max(page.duration_seconds, *ends)
    return {
        'name': page.name,
        'error': page.error,
        'duration': duration,
        'length': clock(duration),
        'video': _link(page.video, folder),
        'curves': {
            label: _curve(page.windows, score_column(label, rule, classes), rule, duration)
            for label, rule in rules.items()
        },
        'events': [_event(event, page, folder) for event in page.events],
        'gaps': [
            {'start': gap.start_seconds, 'end': gap.end_seconds or duration, 'why': gap.reason}
            for gap in page.gaps
        ],
        'ticks': [
            {'share': 100 * tick / duration, 'text': _tick_text(page.epoch, tick)}
            for tick in _ticks(duration)
        ],
    }


def _event(event: DangerEvent, page: SourcePage, folder: Path) -> dict[str, Any]:
    snapshot, clip = page.media.get(event.event_id, (None, None))
    return {
        'label': event.label,
        'start': event.start_seconds,
        'end': event.end_seconds,
        'start_text': time_of_day(event.start_time) or clock(event.start_seconds),
        'end_text': time_of_day(event.end_time) or clock(event.end_seconds),
        'seconds': f'{event.duration_seconds:.1f}',
        'peak': f'{event.peak_score:.2f}',
        'mean': f'{event.mean_score:.2f}',
        'delay': f'{event.alarm_seconds - event.start_seconds:.1f}',
        'snapshot': _link(snapshot, folder),
        'clip': _link(clip, folder),
        'interrupted': event.interrupted,
    }


def _curve(
    windows: Sequence[ScoredWindow], index: int, rule: EventRule, duration: float
) -> dict[str, str]:
    """The scores that a rule reads, at the moments that they describe; of many the highest.

    Returns:
        ``path``, for SVG, 1000 wide and 100 high; ``moments``, in seconds, and ``scores``, in
        hundredths, with spaces between.
    """
    if not windows:
        return {'path': '', 'moments': '', 'scores': ''}
    seconds = np.array([window.seconds for window in windows]) - rule.lookback_seconds
    moments = seconds.clip(0) / duration * 1000
    scores = np.array([window.scores[index] for window in windows])
    if len(scores) > _MAX_POINTS:
        starts = np.linspace(0, len(scores), _MAX_POINTS, endpoint=False).astype(int)
        moments, scores = moments[starts], np.maximum.reduceat(scores, starts)
    points = [f'{x:.2f} {100 * (1 - y):.1f}' for x, y in zip(moments, scores, strict=True)]
    return {
        'path': f'M{moments[0]:.2f} 100L' + 'L'.join(points) + f'L{moments[-1]:.2f} 100Z',
        'moments': ' '.join(f'{moment * duration / 1000:.2f}' for moment in moments),
        'scores': ' '.join(f'{100 * score:.0f}' for score in scores),
    }


def _ticks(duration: float) -> list[float]:
    """Round times, at most nine."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((s for s in steps if duration / s <= 8), 86400 * max(1, round(duration / 691200)))
    return [float(tick) for tick in np.arange(0, duration, step)]


def _tick_text(epoch: datetime | None, seconds: float) -> str:
    return (time_of_day(wall_clock(epoch, seconds)) or clock(seconds)).partition('.')[0]


def _link(path: Path | None, folder: Path) -> str | None:
    """A path as a link from a page in that folder."""
    return None if path is None else quote(Path(os.path.relpath(path, folder)).as_posix())


def _count(pages: Sequence[SourcePage], label: str) -> int:
    return sum(event.label == label for page in pages for event in page.events)


def _cards(pages: Sequence[SourcePage]) -> list[dict[str, str]]:
    seconds = sum(page.duration_seconds for page in pages)
    events = sum(len(page.events) for page in pages)
    cards = [
        (str(len(pages)), 'source' if len(pages) == 1 else 'sources'),
        (clock(seconds), 'watched'),
        (str(events), 'event' if events == 1 else 'events'),
        (f'{events / seconds * 3600:.1f}' if seconds else '-', 'events an hour'),
    ]
    failed = sum(bool(page.error) for page in pages)
    cards += [(str(failed), 'could not be used')] if failed else []
    return [{'number': number, 'name': name} for number, name in cards]
