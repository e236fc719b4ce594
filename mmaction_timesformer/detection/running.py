"""One run of ``tools/detect.py``: sources in, a folder of results and other sinks out."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import FrameType

import numpy as np

from mmaction_timesformer.detection.delivery.sinks import Sink
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.results.finishing import MEDIA, RunOptions, finish
from mmaction_timesformer.detection.results.folder import ResultsFolder, to_record
from mmaction_timesformer.detection.results.live_state import LiveState
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.results.stream_states import StreamStates
from mmaction_timesformer.detection.sources.records import End, Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Heartbeat, Record, Scored
from mmaction_timesformer.inference.stream_scorer import StreamScorer

STATES = 'states'
"""The folder in the results where states of streams are kept."""

_logger = logging.getLogger(__name__)


@dataclass
class RunSummary:
    """Counts of a run.

    Attributes:
        num_sources: Sources given.
        num_skipped: Those that an earlier run had finished.
        num_failed: Those that could not be used.
        num_events: Events that closed.
        num_windows: Windows that were scored.
        num_gaps: Gaps.
        num_unwritten: Records that could not be written to the folder.
        undelivered: Receivers that did not get everything, each with counts.
        watched: For each source, seconds of video that were watched, without gaps.
        dropped: For each source, windows that were dropped.
        wall_seconds: Time that watching took.
        was_stopped: Whether a signal ended it.
    """

    num_sources: int
    num_skipped: int = 0
    num_failed: int = 0
    num_events: int = 0
    num_windows: int = 0
    num_gaps: int = 0
    num_unwritten: int = 0
    undelivered: list[str] = field(default_factory=list)
    watched: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    wall_seconds: float = 0.0
    was_stopped: bool = False

    @property
    def video_seconds(self) -> float:
        """Seconds of video that were watched."""
        return sum(self.watched.values())

    @property
    def exit_code(self) -> int:
        """0 if all went well, a requested stop included; else 1."""
        return 1 if self.num_failed or self.num_unwritten or self.undelivered else 0

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
            (self.num_unwritten, 'records not written to the folder'),
        ):
            if count:
                parts.append(f'{count} {what}')
        return '; '.join([*parts, *self.undelivered]) + ('; stopped' if self.was_stopped else '')


def run(
    detector: DangerDetector,
    sources: Sequence[Source],
    folder: str | Path,
    sinks: Sequence[Sink] = (),
    options: RunOptions | None = None,
    stop: threading.Event | None = None,
) -> RunSummary:
    """Watch sources and write the records; resume where an earlier run in this folder stopped.

    While a live source is watched, a folder that cannot be written ends nothing: alarms go to the
    sinks, and the summary counts what is missing.

    Args:
        detector: The detector.
        sources: The sources.
        folder: Where ``events.jsonl`` and ``scores.csv`` go.
        sinks: Where else records go.
        options: Extra results.
        stop: Set it to end the run; open events are closed then, and no more videos are made.

    Raises:
        ValueError: The folder holds results of another model, or another run writes there.
        OSError: The folder cannot be written; the error names the file.
    """
    options = options or RunOptions()
    results = ResultsFolder(
        folder, detector.event_settings, options.description, detector.predecessors
    )
    left = results.resume(sources)
    if isinstance(detector.score, StreamScorer):
        states = results.folder / STATES
        detector.score.keeper = StreamStates(states, detector.fingerprint)
    summary = RunSummary(len(sources), num_skipped=len(sources) - len(left.sources))
    is_guard = any(source.is_live for source in left.sources)
    previews = {s.name: PreviewRing() for s in left.sources if options.clips and s.is_live}
    live = LiveState(results.folder) if options.live else None
    started = time.monotonic()

    def keep_preview(source: str, seconds: float, picture: np.ndarray) -> None:
        if source in previews:
            previews[source].add(seconds, picture)
        if live is not None:
            live.show(source, seconds, picture)

    records = detector.watch(left.sources, left.resumes, stop, keep_preview)
    try:
        for record in chain(left.interrupted, records):
            # A record in the log counts as reported, so the others get it first.
            _send(record, sinks, live)
            with _going_on(is_guard, summary):
                results.write(record)
            _count(summary, record)
            _save_pictures(record, previews, results.folder / MEDIA)
    finally:
        summary.wall_seconds = time.monotonic() - started
        results.close()
        summary.undelivered = _close(sinks)
    if options.report or options.annotate or options.clips:
        with _going_on(is_guard, summary):
            finish(results.folder, left.known, results.settings, options, stop)
    summary.was_stopped = stop is not None and stop.is_set()
    return summary


@contextmanager
def _going_on(is_guard: bool, summary: RunSummary) -> Iterator[None]:
    """Let a guard go on watching when its folder cannot be written; report it once."""
    try:
        yield
    except OSError as error:
        if not is_guard:
            raise
        if not summary.num_unwritten:
            _logger.error('%s cannot be written (%s); watching goes on', error.filename, error)
        summary.num_unwritten += 1


def _send(record: Record, sinks: Sequence[Sink], live: LiveState | None) -> None:
    if not isinstance(record, Scored):
        content = to_record(record)
        if live is not None:
            live.take(content)
        for sink in sinks:
            sink.write(content)


def _close(sinks: Sequence[Sink]) -> list[str]:
    """Close sinks side by side, since each may wait for its receiver; name what is undelivered."""
    with ThreadPoolExecutor(max(len(sinks), 1)) as pool:
        return [text for text in pool.map(lambda sink: sink.close(), sinks) if text]


def _save_pictures(record: Record, previews: Mapping[str, PreviewRing], folder: Path) -> None:
    """Save pictures of a live source's event that is over."""
    if isinstance(record, DangerEvent) and record.state == 'closed' and record.source in previews:
        try:
            previews[record.source].save(record, folder)
        # A full disk or an encoder without memory is no reason to stop watching.
        except Exception as error:
            _logger.warning('no pictures of %s: %s', record.event_id, error)


def _count(summary: RunSummary, record: Record) -> None:
    if isinstance(record, Scored):
        summary.num_windows += 1
    elif isinstance(record, DangerEvent):
        summary.num_events += record.state == 'closed'
    elif isinstance(record, Gap):
        summary.num_gaps += record.end_seconds is None
    elif isinstance(record, End):
        summary.num_failed += bool(record.error)
    elif isinstance(record, Heartbeat):
        summary.dropped[record.source] = record.num_dropped
        summary.watched[record.source] = record.watched_seconds


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Let SIGTERM and Ctrl-C ask for an orderly end; a second Ctrl-C ends at once.

    Yields:
        The event that they set.
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
