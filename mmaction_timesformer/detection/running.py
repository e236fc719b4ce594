"""One run of ``tools/detect.py``: sources in, a folder of results and other sinks out."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from mmaction_timesformer.detection.delivery.sinks import Sink
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.results.finishing import MEDIA, finish
from mmaction_timesformer.detection.results.folder import Continuation, ResultsFolder, to_record
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.sources.feed import End, Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Pulse, Scored, Update

_logger = logging.getLogger(__name__)


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        num_sources: Sources that were to be watched.
        num_skipped: Those that an earlier run had finished.
        num_failed: Those that could not be used.
        num_events: Events that closed.
        num_windows: Windows that were scored.
        dropped: For each source, windows that were dropped.
        num_gaps: Gaps in live sources.
        video_seconds: Video that was watched.
        wall_seconds: Time that it took.
        was_stopped: Whether a signal ended it.
    """

    num_sources: int
    num_skipped: int = 0
    num_failed: int = 0
    num_events: int = 0
    num_windows: int = 0
    num_gaps: int = 0
    video_seconds: float = 0.0
    wall_seconds: float = 0.0
    was_stopped: bool = False
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 if all went well, a requested stop included; 1 if a source could not be used."""
        return 1 if self.num_failed else 0

    def __str__(self) -> str:
        speed = self.video_seconds / self.wall_seconds if self.wall_seconds else 0.0
        parts = [
            f'{self.num_events} events in {self.video_seconds:.1f} s of video '
            f'from {self.num_sources - self.num_skipped - self.num_failed} sources',
            f'{self.num_windows} windows in {self.wall_seconds:.1f} s ({speed:.1f}x real time)',
        ]
        for count, what in (
            (self.num_failed, 'sources failed'),
            (self.num_skipped, 'sources were finished before'),
            (sum(self.dropped.values()), 'windows dropped'),
            (self.num_gaps, 'gaps'),
        ):
            if count:
                parts.append(f'{count} {what}')
        return '; '.join(parts) + ('; stopped' if self.was_stopped else '')


def run(
    detector: DangerDetector,
    sources: Sequence[Source],
    folder: str | Path,
    sinks: Sequence[Sink] = (),
    description: Mapping[str, Any] | None = None,
    stop: threading.Event | None = None,
    annotate: bool = False,
    clips: bool = False,
    report: bool = False,
) -> RunSummary:
    """Watch sources and write what happens; go on where an earlier run in this folder stopped.

    Args:
        detector: The detector.
        sources: What to watch.
        folder: Where ``events.jsonl`` and ``scores.csv`` go.
        sinks: Where else records go.
        description: What to note about the run.
        stop: Set it to end the run; events that are open are closed then, and no more videos made.
        annotate: Copy each recording with its probabilities and a timeline.
        clips: Show each event by a picture and a short clip.
        report: Write ``report.html``.

    Raises:
        ValueError: The folder holds results of another model.
    """
    results = ResultsFolder(folder, detector, description or {})
    going_on = results.resume(sources)
    summary = RunSummary(len(sources), num_skipped=len(sources) - len(going_on.sources))
    previews = {source.name: PreviewRing() for source in sources if clips and source.is_live}
    started = time.monotonic()
    try:
        for update in _updates(detector, going_on, stop, previews):
            # What stands in the log counts as told, so the others get it first.
            _tell(update, sinks)
            results.write(update)
            _count(summary, update, detector.settings.windows.hop_seconds)
            _show(update, previews, results.folder / MEDIA)
    finally:
        results.close()
        for sink in sinks:
            sink.close()
    summary.wall_seconds = time.monotonic() - started
    if report or annotate or clips:
        finish(results.folder, sources, detector, annotate, clips, stop)
    summary.was_stopped = stop is not None and stop.is_set()
    return summary


def _updates(
    detector: DangerDetector,
    going_on: Continuation,
    stop: threading.Event | None,
    previews: Mapping[str, PreviewRing],
) -> Iterator[Update]:
    yield from going_on.news
    yield from detector.watch(going_on.sources, going_on.trackers, going_on.resumes, stop, previews)


def _tell(update: Update, sinks: Sequence[Sink]) -> None:
    if not isinstance(update, Scored):
        record = to_record(update)
        for sink in sinks:
            sink.write(record)


def _show(update: Update, previews: Mapping[str, PreviewRing], folder: Path) -> None:
    """Save pictures of a live source's event that is over."""
    if isinstance(update, DangerEvent) and update.state == 'closed' and update.source in previews:
        try:
            previews[update.source].save(update, folder)
        # A full disk or an encoder without memory is no reason to stop watching.
        except Exception as error:
            _logger.warning('no pictures of %s: %s', update.event_id, error)


def _count(summary: RunSummary, update: Update, hop_seconds: float) -> None:
    if isinstance(update, Scored):
        summary.num_windows += 1
        summary.video_seconds += hop_seconds
    elif isinstance(update, DangerEvent):
        summary.num_events += update.state == 'closed'
    elif isinstance(update, Gap):
        summary.num_gaps += update.end_seconds is None
    elif isinstance(update, End):
        summary.num_failed += bool(update.error)
    elif isinstance(update, Pulse):
        summary.dropped[update.source] = update.num_dropped


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Let SIGTERM and Ctrl-C ask for an orderly end; a second Ctrl-C ends at once.

    Yields:
        What they set.
    """
    stop = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
