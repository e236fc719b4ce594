"""The end of a run: annotated videos, pictures of events, the report."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from av import FFmpegError

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import EventSettings, ScoredWindow
from mmaction_timesformer.detection.results.annotate import (
    Shown,
    UnfinishedError,
    annotate_video,
    media_name,
    save_event_media,
)
from mmaction_timesformer.detection.results.folder import (
    EVENTS,
    SCORES,
    SourceHistory,
    read_history,
)
from mmaction_timesformer.detection.results.pages import SourcePage, playable, write_report
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.sources.sources import Source, file_name
from mmaction_timesformer.version import __version__
from video_clips.reading.opening import VideoError

MEDIA, ANNOTATED, REPORT = 'events', 'annotated', 'report.html'

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """Extra results of a run.

    Attributes:
        annotate: Copy each recording with its probabilities and a timeline.
        clips: Show each event by a picture and a short clip.
        report: Write ``report.html``.
        live: Keep the newest picture and the state of each source in ``live/``.
        description: Further facts for ``run.json``.
    """

    annotate: bool = False
    clips: bool = False
    report: bool = False
    live: bool = False
    description: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Finishing:
    """State that the steps share."""

    folder: Path
    settings: EventSettings
    options: RunOptions
    stop: threading.Event | None

    @property
    def is_stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()


def finish(
    folder: Path,
    sources: Sequence[Source],
    settings: EventSettings,
    options: RunOptions,
    stop: threading.Event | None = None,
) -> None:
    """Make annotated videos, pictures and clips of events, and the report.

    Files of an earlier run are kept. A source that can no longer be read has no pictures.

    Args:
        folder: The results.
        sources: The sources of the run.
        settings: How scores became events.
        options: What to make.
        stop: Set it to make no more videos, only the report of what is there.
    """
    history = read_history(folder / EVENTS)
    scores = read_scores(folder / SCORES)[1]
    work = _Finishing(folder, settings, options, stop)
    pages = [
        _page(work, source, history.get(source.name, SourceHistory()), scores.get(source.name, []))
        for source in sources
    ]
    now = datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    footer = f'Model {settings.model}; mmaction_timesformer {__version__}; {now}.'
    write_report(folder / REPORT, pages, settings.classes, settings.rules, footer)


def _page(
    work: _Finishing, source: Source, past: SourceHistory, windows: Sequence[ScoredWindow]
) -> SourcePage:
    events = sorted(past.events.values(), key=lambda event: event.start_seconds)
    video = None if source.is_live else playable(source.url)
    media: Mapping[str, tuple[Path, Path]] = _existing_media(events, work.folder / MEDIA)
    if past.state == 'finished' and not source.is_live and not work.is_stopped:
        if work.options.annotate:
            video = _annotate(work, source, past, windows) or video
        if work.options.clips:
            media = _save_media(work, source, events) or media
    return SourcePage(
        name=source.name,
        duration_seconds=max([past.end_seconds, *(w.newest_seconds for w in windows[-1:])]),
        events=events,
        windows=windows,
        gaps=past.gaps,
        epoch=past.epoch,
        error=past.error,
        video=video,
        media=media,
    )


def _existing_media(events: Sequence[DangerEvent], folder: Path) -> dict[str, tuple[Path, Path]]:
    found = {}
    for event in events:
        snapshot, clip = (folder / f'{media_name(event)}{suffix}' for suffix in ('.jpg', '.mp4'))
        if snapshot.exists() and clip.exists():
            found[event.event_id] = snapshot, clip
    return found


def _annotate(
    work: _Finishing, source: Source, past: SourceHistory, windows: Sequence[ScoredWindow]
) -> Path | None:
    file = work.folder / ANNOTATED / f'{file_name(source.name)}.mp4'
    if file.exists():
        return file
    shown = Shown(
        windows,
        sorted(past.events.values(), key=lambda event: event.start_seconds),
        work.settings.classes,
        list(work.settings.rules),
        past.end_seconds,
    )
    try:
        annotate_video(source, shown, file, work.stop)
    except (VideoError, OSError, FFmpegError, UnfinishedError) as error:
        _logger.warning('no annotated copy: %s', error)
        return None
    return file


def _save_media(
    work: _Finishing, source: Source, events: Sequence[DangerEvent]
) -> dict[str, tuple[Path, Path]] | None:
    try:
        return save_event_media(source, events, work.folder / MEDIA, work.stop)
    except (VideoError, OSError, FFmpegError, UnfinishedError) as error:
        _logger.warning('no pictures of events: %s', error)
        return None
