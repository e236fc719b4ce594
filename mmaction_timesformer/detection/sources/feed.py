"""A thread that reads one source, cuts it into windows and hands them on."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime

from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.sources.fair_queue import FairQueue
from mmaction_timesformer.detection.sources.reader import SourceReader
from mmaction_timesformer.detection.sources.recording_time import RULES
from mmaction_timesformer.detection.sources.records import End, Gap, SourceRecord
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import (
    PrepareFrame,
    TimedFrame,
    Window,
    WindowCutter,
    WindowSettings,
)
from video_clips.reading.opening import VideoError, why
from video_clips.reading.pictures import SquarePixels, check_square_pixels


@dataclass(frozen=True)
class Patience:
    """How long a feed waits for its source.

    Attributes:
        read_seconds: For the next frame.
        first_retry_seconds: Before a live source is opened again.
        max_retry_seconds: Limit of that wait, which doubles from try to try.
        max_retries: Tries in a row without a frame before a live source is given up; None for
            never.
    """

    read_seconds: float = 10.0
    first_retry_seconds: float = 1.0
    max_retry_seconds: float = 30.0
    max_retries: int | None = None


@dataclass(frozen=True)
class FeedSettings:
    """How sources are read.

    Attributes:
        windows: Where windows lie in time.
        patience: How long to wait for a source.
        recording_time: Reading of a recording's ``creation_time``, one of `RULES`.
        square_pixels: Which pictures to scale to the shape that a player shows, see `OpenVideo`.
    """

    windows: WindowSettings
    patience: Patience = field(default_factory=Patience)
    recording_time: str = 'start'
    square_pixels: SquarePixels = 'gross'

    def __post_init__(self) -> None:
        check_square_pixels(self.square_pixels)
        if self.recording_time not in RULES:
            raise ValueError(
                f'recording_time={self.recording_time!r} is unknown; choose from {RULES}'
            )


@dataclass(frozen=True)
class Resume:
    """Where an earlier run left a source.

    Attributes:
        epoch: Wall-clock time at 0 of the time line in that run.
        begin_seconds: Time of the first frame.
        last_seconds: How far the time line of a live source had come.
        past: What that run logged of a recording, in order of time.
        told: Keys of the events that it reported.
    """

    epoch: datetime | None = None
    begin_seconds: float = 0.0
    last_seconds: float = 0.0
    past: tuple[ScoredWindow | Gap, ...] = ()
    told: frozenset[tuple[str, str, float]] = frozenset()

    @property
    def after_seconds(self) -> float | None:
        """Centre of the last window that was scored."""
        scored = [item.seconds for item in self.past if isinstance(item, ScoredWindow)]
        return scored[-1] if scored else None

    @property
    def after_gap_seconds(self) -> float | None:
        """Where the last gap ends; None without a gap."""
        gaps = [item.end_seconds for item in self.past if isinstance(item, Gap)]
        return gaps[-1] if gaps else None


# Shorter than this, a pause between frames is no hole, however short windows are.
_SHORTEST_HOLE_SECONDS = 1.0


class StoppedError(Exception):
    """The feed has been asked to end."""


def explain(error: BaseException) -> str:
    """Say what went wrong with a source without repeating its URL."""
    if isinstance(error, VideoError):
        return error.reason or str(error)
    return f'{type(error).__name__}: {why(error)}'


class Feed(ABC):
    """Reads one source on a thread of its own.

    Args:
        source: The source.
        settings: How it is read.
        prepare: Makes the model's input of a frame.
        queue: Where windows and records go, under the source's name.
        resume: Where an earlier run left it.

    Attributes:
        num_frames: Frames decoded so far.
        num_prepared: Frames made into the model's input so far.
        last_seconds: Time of the newest frame.
        watched_seconds: Time between frames so far, without gaps.
        num_reconnects: How often the source was opened again.
    """

    def __init__(
        self,
        source: Source,
        settings: FeedSettings,
        prepare: PrepareFrame,
        queue: FairQueue[SourceRecord],
        resume: Resume | None = None,
    ) -> None:
        self.source = source
        self.num_frames = 0
        self.num_prepared = 0
        self.num_reconnects = 0
        self.last_seconds = 0.0
        self.watched_seconds = 0.0
        self._settings = settings
        self._windows = settings.windows
        self._patience = settings.patience
        self._prepare = prepare
        self._queue = queue
        self._resume = resume or Resume()
        self._after_seconds = self._resume.after_seconds
        self._drop_oldest = False
        self._cut_until: float | None = None
        self._renew_thread()

    def _renew_thread(self) -> None:
        self._stop = threading.Event()
        self._reading_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=self.source.name, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._reading_since = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so after the read that it is in."""
        self._stop.set()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_seconds)

    def is_stuck(self) -> bool:
        """Whether one read takes much longer than the time limit, which not all reads obey."""
        since = self._reading_since
        return since is not None and time.monotonic() - since > 1.5 * self._patience.read_seconds

    @abstractmethod
    def _read(self) -> End:
        """Read the source to its end."""

    def _run(self) -> None:
        try:
            try:
                end = self._read()
            except StoppedError:
                raise
            except BaseException as error:
                # Whatever happens on this thread must be heard of on the other.
                end = End(self.source.name, self.last_seconds, explain(error))
            self._put(end)
        except StoppedError:
            pass
        finally:
            self._reading_since = None

    def _put(self, item: Window | SourceRecord) -> None:
        """Hand something on; time spent waiting for room is not time spent reading."""
        self._reading_since = None
        if self._stop.is_set():
            raise StoppedError
        if not self._queue.put(self.source.name, item, self._drop_oldest):
            raise StoppedError
        self._reading_since = time.monotonic()

    def _wait(self, seconds: float) -> None:
        self._reading_since = None
        if self._stop.wait(max(seconds, 0.0)):
            raise StoppedError
        self._reading_since = time.monotonic()

    @property
    def _longest_step(self) -> float:
        """Longest time between frames: beyond it, windows would show nothing but a hole's edges."""
        return max(self._windows.span_seconds, _SHORTEST_HOLE_SECONDS)

    def _open(self) -> SourceReader:
        if self._stop.is_set():
            raise StoppedError
        self._reading_since = time.monotonic()
        settings = self._settings
        reader = SourceReader(
            self.source,
            self._patience.read_seconds,
            self._longest_step,
            settings.recording_time,
            settings.square_pixels,
        )
        # A recording waits for the model, wherever it lies; the world does not.
        self._drop_oldest = self.source.pace is not None or not reader.has_end
        return reader

    def _cutter(self, origin_seconds: float, windows: WindowSettings | None = None) -> WindowCutter:
        """Make a cutter for a stretch that begins now and omits windows scored before."""
        windows = windows or self._windows
        first_window = 0
        if self._after_seconds is not None:
            first_window = windows.num_windows_until(self._after_seconds - origin_seconds)
        self._cut_until = None
        return WindowCutter(windows, self._prepare, origin_seconds, first_window)

    def _cut(self, cutter: WindowCutter, frame: TimedFrame) -> int:
        """Cut one frame and hand on what it completes; give the number of windows."""
        if self._stop.is_set():
            raise StoppedError
        self._reading_since = time.monotonic()
        prepared_before = cutter.num_prepared
        num_windows = 0
        for window in cutter.push(frame):
            self._put(window)
            num_windows += 1
        self.num_prepared += cutter.num_prepared - prepared_before
        self.num_frames += 1
        if self._cut_until is not None and frame.seconds > (self._after_seconds or 0.0):
            self.watched_seconds += frame.seconds - self._cut_until
        self.last_seconds = self._cut_until = frame.seconds
        return num_windows
