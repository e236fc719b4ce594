"""Watching sources: their windows go through one model in turn, their scores become events.

Legend: B windows, V crops, C channels, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.sources.fair_queue import FairQueue
from mmaction_timesformer.detection.sources.feed import (
    Begin,
    End,
    Feed,
    Gap,
    Note,
    Patience,
    Resume,
)
from mmaction_timesformer.detection.sources.live import LiveFeed
from mmaction_timesformer.detection.sources.recorded import FileFeed
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import (
    Prepare,
    PrepareFrame,
    TimedFrame,
    Window,
    WindowSettings,
)

Score = Callable[[Tensor], Tensor]
"""From clips (B * V, C, T, H, W) to the calibrated probability of each class, (B * V, K)."""


@dataclass(frozen=True)
class Scored:
    """The scores of one window of a source."""

    source: str
    window: ScoredWindow


@dataclass(frozen=True)
class Pulse:
    """How a source is doing.

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
    """

    source: str
    seconds: float
    num_frames: int
    num_windows: int
    num_dropped: int
    num_reconnects: int
    median_latency_seconds: float | None
    max_latency_seconds: float | None


Update = Begin | Scored | DangerEvent | Gap | Pulse | End


@dataclass
class _Station:
    """A source with its feed, its tracker and what is counted about it."""

    feed: Feed
    tracker: EventTracker
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
        heartbeat_seconds: Distance of `Pulse` updates; None for one at each source's end.
        patience: How long to wait for a source.
    """

    windows: WindowSettings
    batch_size: int = 8
    queue_size: int = 16
    heartbeat_seconds: float | None = None
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.queue_size < self.batch_size:
            raise ValueError(
                f'batch_size={self.batch_size} must be at least 1 and at most '
                f'queue_size={self.queue_size}'
            )


class Watch:
    """One run over some sources.

    Args:
        sources: What to watch; names differ.
        trackers: A tracker for each, under its name.
        score: The model.
        prepare: Makes the model's input of a picture.
        settings: How to watch.
        resumes: Where an earlier run left sources.
        stop: Set from outside to end the run; events that are open are closed then.
        previews: Where to keep the pictures of a source that the model is shown.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        trackers: Mapping[str, EventTracker],
        score: Score,
        prepare: Prepare,
        settings: WatchSettings,
        resumes: Mapping[str, Resume] | None = None,
        stop: threading.Event | None = None,
        previews: Mapping[str, PreviewRing] | None = None,
    ) -> None:
        self._score = score
        self._settings = settings
        self._stop = stop or threading.Event()
        self._queue: FairQueue[Note] = FairQueue(settings.queue_size)
        self._stations = {}
        for source in sources:
            kind = LiveFeed if source.is_live else FileFeed
            resume = (resumes or {}).get(source.name)
            look = _look_with(prepare, (previews or {}).get(source.name))
            feed = kind(source, settings.windows, look, self._queue, settings.patience, resume)
            self._stations[source.name] = _Station(feed, trackers[source.name])
        files_only = all(not s.is_live and s.pace is None for s in sources)
        self._min_windows = settings.batch_size if files_only else 1
        self._next_pulse = 0.0

    def updates(self) -> Iterator[Update]:
        """Watch until every source is over or the run is stopped.

        Yields:
            What happens, as soon as it is known. When the consumer stops taking, all ends.
        """
        for station in self._stations.values():
            station.feed.start()
        self._next_pulse = time.monotonic() + (self._settings.heartbeat_seconds or 0.0)
        try:
            while not all(station.is_over for station in self._stations.values()):
                if self._stop.is_set():
                    yield from self._close_all()
                    return
                taken = self._queue.take(self._settings.batch_size, self._min_windows, 0.25)
                yield from self._handle(taken)
                yield from self._check_on_feeds()
                yield from self._pulses()
        finally:
            for station in self._stations.values():
                station.feed.stop()
            self._queue.close()
            for station in self._stations.values():
                station.feed.join(1.0)

    def _handle(self, taken: list[tuple[str, Window | Note]]) -> Iterator[Update]:
        """Score the windows among these together, then go through all in order."""
        scores = iter(self._score_windows([item for _, item in taken if isinstance(item, Window)]))
        for name, item in taken:
            station = self._stations[name]
            if isinstance(item, Window):
                yield from self._take_scores(name, station, item, next(scores))
            else:
                yield from self._take_note(name, station, item)

    def _take_scores(
        self, name: str, station: _Station, window: Window, scores: tuple[float, ...]
    ) -> Iterator[Update]:
        scored = ScoredWindow(round(window.seconds, 6), round(window.newest_seconds, 6), scores)
        yield Scored(name, scored)
        station.num_windows += 1
        station.newest_seconds = scored.newest_seconds
        changes = station.tracker.push(scored)
        latency = time.monotonic() - window.arrived
        station.latencies.append(latency)
        for event in changes:
            yield replace(event, latency_seconds=round(latency, 3))

    @torch.inference_mode()
    def _score_windows(self, windows: list[Window]) -> list[tuple[float, ...]]:
        """Probabilities (K,) of each window, the mean over its crops."""
        by_shape: dict[torch.Size, list[int]] = defaultdict(list)
        clips = [window.clips() for window in windows]
        for place, clip in enumerate(clips):
            by_shape[clip.shape].append(place)
        scores: dict[int, tuple[float, ...]] = {}
        for shape, places in by_shape.items():
            batch = torch.cat([clips[place] for place in places])
            means = self._score(batch).float().unflatten(0, (-1, shape[0])).mean(dim=1)
            for place, row in zip(places, means.cpu().tolist(), strict=True):
                # Rounded as they are written, so that a log read back gives the same events.
                scores[place] = tuple(round(value, 6) for value in row)
        return [scores[place] for place in range(len(windows))]

    def _close_all(self) -> Iterator[Update]:
        for name, station in self._stations.items():
            if not station.is_over:
                for event in station.tracker.finish(station.newest_seconds):
                    yield replace(event, interrupted=True)
                yield self._pulse(name)

    def _take_note(self, name: str, station: _Station, note: Note) -> Iterator[Update]:
        if isinstance(note, Begin):
            station.tracker.epoch = note.epoch
        elif isinstance(note, Gap):
            if note.end_seconds is None or not station.feed.source.is_live:
                yield from station.tracker.finish(note.start_seconds)
            if note.end_seconds is not None:
                station.tracker.begin(note.end_seconds)
        else:
            station.is_over = True
            yield from station.tracker.finish(max(note.seconds, station.newest_seconds))
            yield self._pulse(name)
        yield note

    def _check_on_feeds(self) -> Iterator[Update]:
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
            yield from self._take_note(name, station, End(name, feed.last_seconds, reason))

    def _pulses(self) -> Iterator[Pulse]:
        period = self._settings.heartbeat_seconds
        if period is None or time.monotonic() < self._next_pulse:
            return
        self._next_pulse = time.monotonic() + period
        for name, station in self._stations.items():
            if not station.is_over:
                yield self._pulse(name)

    def _pulse(self, name: str) -> Pulse:
        """How a source is doing right now."""
        station = self._stations[name]
        latencies = station.latencies
        return Pulse(
            name,
            round(station.feed.last_seconds, 3),
            station.feed.num_frames,
            station.num_windows,
            self._queue.num_dropped.get(name, 0),
            station.feed.num_reconnects,
            round(float(np.median(latencies)), 3) if latencies else None,
            round(max(latencies), 3) if latencies else None,
        )


def _look_with(prepare: Prepare, previews: PreviewRing | None) -> PrepareFrame:
    """Prepare frames, and keep a small picture of each."""

    def prepare_frame(frame: TimedFrame) -> Tensor:
        picture = frame.picture()
        if previews is not None:
            previews.add(frame.seconds, picture)
        return prepare(picture)

    return prepare_frame


def replay(tracker: EventTracker, past: Iterable[ScoredWindow | Gap]) -> list[DangerEvent]:
    """Bring a tracker to where an earlier run stopped.

    Args:
        tracker: A new tracker.
        past: What that run logged, in order.

    Returns:
        The changes of events that this makes, which the earlier run may not have got to log.
    """
    changes = []
    for item in past:
        if isinstance(item, ScoredWindow):
            changes += tracker.push(item)
        else:
            changes += tracker.finish(item.start_seconds)
            if item.end_seconds is not None:
                tracker.begin(item.end_seconds)
    return changes
