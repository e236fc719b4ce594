"""What is made of a folder of results when a run is over: videos, pictures, the report."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from av import FFmpegError

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.annotate import (
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


def finish(
    folder: Path,
    sources: Sequence[Source],
    detector: DangerDetector,
    annotate: bool = False,
    clips: bool = False,
    stop: threading.Event | None = None,
) -> None:
    """Make annotated videos, pictures and clips of events, and the report.

    What is there from an earlier run is not made again. A source that can no longer be read is
    left without pictures.

    Args:
        folder: The results.
        sources: What was watched.
        detector: With what.
        annotate: Copy each recording with its probabilities and a timeline.
        clips: Show each event by a picture and a short clip.
        stop: Set it to make no more of these, but the report of what is there.
    """
    history = read_history(folder / EVENTS)
    scores = read_scores(folder / SCORES)[1]
    pages = []
    for source in sources:
        past = history.get(source.name, SourceHistory())
        pages.append(
            _page(
                source, past, scores.get(source.name, []), folder, detector, annotate, clips, stop
            )
        )
    now = datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    footer = f'Model {detector.fingerprint}; mmaction_timesformer {__version__}; {now}.'
    write_report(folder / REPORT, pages, detector.classes, list(detector.rules), footer)


def _page(
    source: Source,
    past: SourceHistory,
    windows: Sequence[ScoredWindow],
    folder: Path,
    detector: DangerDetector,
    annotate: bool,
    clips: bool,
    stop: threading.Event | None,
) -> SourcePage:
    events = sorted(past.events.values(), key=lambda event: event.start_seconds)
    video = None if source.is_live else playable(source.url)
    media: Mapping[str, tuple[Path, Path]] = _existing_media(events, folder / MEDIA)
    is_stopped = stop is not None and stop.is_set()
    if past.state == 'finished' and not source.is_live and not is_stopped:
        if annotate:
            video = _annotate(source, past, windows, events, detector, folder, stop) or video
        if clips:
            media = _save_media(source, events, folder, stop) or media
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
    source: Source,
    past: SourceHistory,
    windows: Sequence[ScoredWindow],
    events: Sequence[DangerEvent],
    detector: DangerDetector,
    folder: Path,
    stop: threading.Event | None,
) -> Path | None:
    file = folder / ANNOTATED / f'{file_name(source.name)}.mp4'
    if file.exists():
        return file
    labels = list(detector.rules)
    try:
        annotate_video(
            source, windows, events, detector.classes, labels, past.end_seconds, file, stop
        )
    except (VideoError, OSError, FFmpegError, UnfinishedError) as error:
        _logger.warning('no annotated copy: %s', error)
        return None
    return file


def _save_media(
    source: Source,
    events: Sequence[DangerEvent],
    folder: Path,
    stop: threading.Event | None,
) -> dict[str, tuple[Path, Path]] | None:
    try:
        return save_event_media(source, events, folder / MEDIA, stop)
    except (VideoError, OSError, FFmpegError, UnfinishedError) as error:
        _logger.warning('no pictures of events: %s', error)
        return None
