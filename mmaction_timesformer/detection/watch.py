"""Watching sources: their windows take turns in one model, and their scores become events.

Legend: B windows, V crops, C channels, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.detection.events.events import DangerEvent, event_key
from mmaction_timesformer.detection.events.tracker import (
    EventSettings,
    EventTracker,
    ScoredWindow,
)
from mmaction_timesformer.detection.replaying import after_state, replay
from mmaction_timesformer.detection.sources.fair_queue import FairQueue
from mmaction_timesformer.detection.sources.feed import Feed, FeedSettings, Patience, Resume
from mmaction_timesformer.detection.sources.live import LiveFeed
from mmaction_timesformer.detection.sources.recorded import FileFeed
from mmaction_timesformer.detection.sources.records import (
    Begin,
    Drift,
    End,
    Gap,
    SourceRecord,
)
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.successors import ModelChange, NextModel
from mmaction_timesformer.detection.windows import (
    Prepare,
    PrepareFrame,
    TimedFrame,
    Window,
    WindowSettings,
)
from mmaction_timesformer.inference.scoring import Score
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from video_clips.reading.pictures import SquarePixels

OnFrame = Callable[[str, float, np.ndarray], None]
"""Takes a source's name, a time and the picture (H, W, 3) that the model is shown then."""


@dataclass(frozen=True)
class Scored:
    """The scores of one window of a source."""

    source: str
    window: ScoredWindow


@dataclass(frozen=True)
class Heartbeat:
    """State of a source.

    Attributes:
        source: The source's name.
        seconds: Time of its newest frame.
        num_frames: Frames decoded.
        num_windows: Windows scored.
        num_dropped: Windows that were dropped because the model did not keep up.
        num_reconnects: How often it was opened again.
        median_latency_seconds: From the arrival of a window's newest frame to its scores being
            turned into events; None before the first.
        max_latency_seconds: The longest of the last thousand.
        watched_seconds: Time that was watched by this run, without gaps.
    """

    source: str
    seconds: float
    num_frames: int
    num_windows: int
    num_dropped: int
    num_reconnects: int
    median_latency_seconds: float | None
    max_latency_seconds: float | None
    watched_seconds: float = 0.0


Record = Begin | Scored | DangerEvent | Gap | Drift | Heartbeat | End | ModelChange
"""Everything that a watch emits."""


@dataclass(frozen=True)
class Model:
    """A model, ready to score clips, or streams frame by frame.

    Attributes:
        score: From clips to probabilities; a `StreamScorer` for streams.
        prepare: Makes the model's input of a picture.
        next_model: Gives models that take over while the watch runs.
    """

    score: Score | StreamScorer
    prepare: Prepare
    next_model: NextModel | None = None


@dataclass
class _Station:
    """A source with its feed, its tracker and its counts."""

    feed: Feed
    tracker: EventTracker
    scored_until: float | None = None
    is_over: bool = False
    num_windows: int = 0
    newest_seconds: float = 0.0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))


@dataclass(frozen=True)
class WatchSettings:
    """How sources are watched.

    Attributes:
        windows: Where windows lie in time.
        batch_size: Windows that go through the model together.
        queue_size: Windows that wait for one source.
        heartbeat_seconds: Period of heartbeats; None for one at each source's end.
        patience: How long to wait for a source.
        update_seconds: Growth of an open event after which it is reported again.
        recording_time: Reading of a recording's ``creation_time``, see `recording_time`.
        square_pixels: Which pictures to scale to the shape that a player shows, see `OpenVideo`.
    """

    windows: WindowSettings
    batch_size: int = 8
    queue_size: int = 16
    heartbeat_seconds: float | None = None
    patience: Patience = field(default_factory=Patience)
    update_seconds: float = 1.0
    recording_time: str = 'start'
    square_pixels: SquarePixels = 'gross'

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.queue_size < self.batch_size:
            raise ValueError(
                f'batch_size={self.batch_size} must be at least 1 and at most '
                f'queue_size={self.queue_size}'
            )
        _ = self.feed_settings

    @property
    def feed_settings(self) -> FeedSettings:
        """The part that concerns reading."""
        return FeedSettings(self.windows, self.patience, self.recording_time, self.square_pixels)


class Watch:
    """One run over some sources.

    Args:
        sources: The sources; names differ.
        model: The model.
        events: How scores become events.
        settings: How to watch.
        resumes: Where an earlier run left sources.
        on_frame: Called for each picture that the model is shown.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        model: Model,
        events: EventSettings,
        settings: WatchSettings,
        resumes: Mapping[str, Resume] | None = None,
        on_frame: OnFrame | None = None,
    ) -> None:
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise ValueError(f'sources have the same name: {sorted(names)}')
        self._score = model.score
        self._next_model = model.next_model
        self._fingerprint = events.model
        self._settings = settings
        self._resumes = resumes or {}
        self._queue: FairQueue[SourceRecord] = FairQueue(settings.queue_size)
        self._stations = {}
        for source in sources:
            kind = LiveFeed if source.is_live else FileFeed
            prepare = _prepare_with(model.prepare, source.name, on_frame)
            resume = self._resumes.get(source.name)
            scored_until = None
            feed_resume = resume
            if isinstance(self._score, StreamScorer):
                self._score.forget(source.name)
                if resume is not None:
                    scored_until = resume.after_seconds
                    seen_until = None
                    if scored_until is not None:
                        seen_until = self._score.restore(source.name, scored_until)
                    feed_resume = after_state(resume, seen_until)
            feed = kind(source, settings.feed_settings, prepare, self._queue, feed_resume)
            tracker = EventTracker(source.name, events, resume.epoch if resume else None)
            self._stations[source.name] = _Station(feed, tracker, scored_until)
        files_only = all(not s.is_live and s.pace is None for s in sources)
        self._min_windows = settings.batch_size if files_only else 1
        self._next_heartbeat = 0.0

    def records(self, stop: threading.Event | None = None) -> Iterator[Record]:
        """Watch until every source is over or the run is stopped.

        Args:
            stop: Set it from outside to end the run; open events are closed then.

        Yields:
            Records, as soon as they are known. When the consumer stops taking, all ends.

        Raises:
            ValueError: The model's scores are not finite.
        """
        yield from self._replay()
        for station in self._stations.values():
            station.feed.start()
        self._next_heartbeat = time.monotonic() + (self._settings.heartbeat_seconds or 0.0)
        try:
            while not all(station.is_over for station in self._stations.values()):
                if stop is not None and stop.is_set():
                    yield from self._close_all()
                    return
                yield from self._take_over()
                taken = self._queue.take(self._settings.batch_size, self._min_windows, 0.25)
                yield from self._handle(taken)
                yield from self._check_on_feeds()
                yield from self._heartbeats()
        finally:
            for station in self._stations.values():
                station.feed.stop()
            self._queue.close()
            for station in self._stations.values():
                station.feed.join(1.0)

    def _take_over(self) -> Iterator[ModelChange]:
        """Go on with another model if there is one; between windows, so that none is lost."""
        successor = None if self._next_model is None else self._next_model()
        if successor is None:
            return
        before, now = self._fingerprint, datetime.now(timezone.utc).isoformat()
        if successor.score is not None and successor.events is not None:
            self._score, self._fingerprint = successor.score, successor.events.model
            for station in self._stations.values():
                station.tracker.take_over(successor.events)
        yield ModelChange(
            successor.name,
            self._fingerprint,
            before,
            now,
            successor.events,
            successor.error,
            successor.load_seconds,
        )

    def _replay(self) -> Iterator[DangerEvent]:
        """Bring trackers to where an earlier run stopped; give what it did not get to report."""
        for name, resume in self._resumes.items():
            if name in self._stations:
                tracker = self._stations[name].tracker
                tracker.begin(resume.begin_seconds)
                events = replay(tracker, resume.past)
                yield from (event for event in events if event_key(event) not in resume.told)

    def _handle(self, taken: list[tuple[str, Window | SourceRecord]]) -> Iterator[Record]:
        """Score the windows among these together, then go through all in order."""
        windows = [(name, item) for name, item in taken if isinstance(item, Window)]
        if isinstance(self._score, StreamScorer):
            scores = iter(self._score.score(windows))
        else:
            scores = iter(self._score_windows(self._score, [window for _, window in windows]))
        for name, item in taken:
            station = self._stations[name]
            if isinstance(item, Window):
                yield from self._take_scores(name, station, item, next(scores))
            else:
                yield from self._take_record(name, station, item)

    def _take_scores(
        self, name: str, station: _Station, window: Window, scores: tuple[float, ...]
    ) -> Iterator[Record]:
        scored = ScoredWindow(round(window.seconds, 6), round(window.newest_seconds, 6), scores)
        if station.scored_until is not None and scored.seconds <= station.scored_until:
            return
        yield Scored(name, scored)
        station.num_windows += 1
        station.newest_seconds = scored.newest_seconds
        events = station.tracker.push(scored)
        latency = time.monotonic() - window.arrived
        station.latencies.append(latency)
        for event in events:
            yield replace(event, latency_seconds=round(latency, 3))

    @torch.inference_mode()
    def _score_windows(self, score: Score, windows: list[Window]) -> list[tuple[float, ...]]:
        """Probabilities (K,) of each window, the mean over its crops."""
        by_shape: dict[torch.Size, list[int]] = defaultdict(list)
        clips = [window.clips() for window in windows]
        for place, clip in enumerate(clips):
            by_shape[clip.shape].append(place)
        scores: dict[int, tuple[float, ...]] = {}
        for shape, places in by_shape.items():
            batch = torch.cat([clips[place] for place in places])
            means = score(batch).float().unflatten(0, (-1, shape[0])).mean(dim=1)
            for place, row in zip(places, means.cpu().tolist(), strict=True):
                if not all(map(math.isfinite, row)):
                    raise ValueError(f'the model gives scores that are not finite: {row}')
                # Rounded as they are written, so that a log read back gives the same events.
                scores[place] = tuple(round(value, 6) for value in row)
        return [scores[place] for place in range(len(windows))]

    def _close_all(self) -> Iterator[Record]:
        for name, station in self._stations.items():
            if not station.is_over:
                for event in station.tracker.finish(station.newest_seconds):
                    yield replace(event, interrupted=True)
                yield self._heartbeat(name)

    def _take_record(self, name: str, station: _Station, record: SourceRecord) -> Iterator[Record]:
        if isinstance(record, Begin):
            station.tracker.epoch = record.epoch
            if name not in self._resumes:
                station.tracker.begin(record.seconds)
        elif isinstance(record, Gap):
            if record.end_seconds is None or not station.feed.source.is_live:
                yield from station.tracker.finish(record.start_seconds)
            if record.end_seconds is not None:
                station.tracker.begin(record.end_seconds)
        elif isinstance(record, End):
            station.is_over = True
            yield from station.tracker.finish(max(record.seconds, station.newest_seconds))
            yield self._heartbeat(name)
        yield record

    def _check_on_feeds(self) -> Iterator[Record]:
        """Give up feeds that hang where no time limit reaches; replace those of live sources."""
        for name, station in self._stations.items():
            feed = station.feed
            if station.is_over or not feed.is_stuck():
                continue
            if isinstance(feed, LiveFeed):
                station.feed = feed.successor()
                station.feed.start()
                continue
            feed.stop()
            limit = self._settings.patience.read_seconds
            reason = f'no frame came within the time limit of {limit:g} seconds'
            yield from self._take_record(name, station, End(name, feed.last_seconds, reason))

    def _heartbeats(self) -> Iterator[Heartbeat]:
        period = self._settings.heartbeat_seconds
        if period is None or time.monotonic() < self._next_heartbeat:
            return
        self._next_heartbeat = time.monotonic() + period
        for name, station in self._stations.items():
            if not station.is_over:
                yield self._heartbeat(name)

    def _heartbeat(self, name: str) -> Heartbeat:
        """The state of a source right now."""
        station = self._stations[name]
        latencies = station.latencies
        return Heartbeat(
            name,
            round(station.feed.last_seconds, 3),
            station.feed.num_frames,
            station.num_windows,
            self._queue.num_dropped.get(name, 0),
            station.feed.num_reconnects,
            round(float(np.median(latencies)), 3) if latencies else None,
            round(max(latencies), 3) if latencies else None,
            round(station.feed.watched_seconds, 3),
        )


def _prepare_with(prepare: Prepare, source: str, on_frame: OnFrame | None) -> PrepareFrame:
    """Prepare frames, and show each to `on_frame`."""

    def prepare_frame(frame: TimedFrame) -> Tensor:
        picture = frame.picture()
        if on_frame is not None:
            on_frame(source, frame.seconds, picture)
        return prepare(picture)

    return prepare_frame
