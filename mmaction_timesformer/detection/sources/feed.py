"""A thread that reads one source, cuts it into windows and hands them on."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from mmaction_timesformer.detection.sources.fair_queue import FairQueue
from mmaction_timesformer.detection.sources.reader import SourceReader
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import (
    PrepareFrame,
    TimedFrame,
    Window,
    WindowCutter,
    WindowSettings,
)
from video_clips.reading.opening import VideoError, why


@dataclass(frozen=True)
class Gap:
    """A stretch of time in which a source shows nothing.

    Attributes:
        source: The source's name.
        start_seconds: Time of the last frame before.
        end_seconds: Time of the first frame after; None while it lasts.
        reason: Why.
    """

    source: str
    start_seconds: float
    end_seconds: float | None
    reason: str


@dataclass(frozen=True)
class Begin:
    """The first frame of a source has come.

    Attributes:
        source: The source's name.
        epoch: Wall-clock time at 0 of its time line, where the source has it.
    """

    source: str
    epoch: datetime | None


@dataclass(frozen=True)
class End:
    """A source is over.

    Attributes:
        source: The source's name.
        seconds: Time of the end of its last frame.
        error: Why it could not be used; empty where all is well.
        remark: What else there is to say: where reading broke off, what could not be decoded.
        num_frames: Frames that were decoded.
    """

    source: str
    seconds: float
    error: str = ''
    remark: str = ''
    num_frames: int = 0


Note = Gap | Begin | End


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
class Resume:
    """Where an earlier run left a source.

    Attributes:
        after_seconds: Centre of the last window that was scored.
        epoch: Wall-clock time of the source's first frame in that run.
        last_seconds: How far the time line of a live source had come.
        after_gap_seconds: Where the last gap that it noted ends; None without a gap.
    """

    after_seconds: float | None = None
    epoch: datetime | None = None
    last_seconds: float = 0.0
    after_gap_seconds: float | None = None


class StoppedError(Exception):
    """The feed has been asked to end."""


def explain(error: BaseException) -> str:
    """What went wrong with a source, in words that never repeat its URL."""
    if isinstance(error, VideoError):
        return error.reason or str(error)
    return f'{type(error).__name__}: {why(error)}'


class Feed(ABC):
    """Reads one source on a thread of its own.

    Args:
        source: What to read.
        settings: Where windows lie.
        prepare: Makes the model's input of a frame.
        queue: Where windows and notes go, under the source's name.
        patience: How long to wait for the source.
        resume: Where an earlier run left it.

    Attributes:
        num_frames: Frames decoded so far.
        num_prepared: Frames made into the model's input so far.
        last_seconds: Time of the newest frame.
        num_reconnects: How often the source was opened again.
    """

    def __init__(
        self,
        source: Source,
        settings: WindowSettings,
        prepare: PrepareFrame,
        queue: FairQueue[Note],
        patience: Patience,
        resume: Resume | None = None,
    ) -> None:
        self.source = source
        self.num_frames = 0
        self.num_prepared = 0
        self.num_reconnects = 0
        self.last_seconds = 0.0
        self._settings = settings
        self._prepare = prepare
        self._queue = queue
        self._patience = patience
        self._resume = resume or Resume()
        self._drop_oldest = False
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

    def _put(self, item: Window | Note) -> None:
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

    def _open(self) -> SourceReader:
        if self._stop.is_set():
            raise StoppedError
        self._reading_since = time.monotonic()
        read_seconds = self._patience.read_seconds
        # Longer than a window, a hole would fill windows that show nothing but its edges.
        max_step_seconds = max(read_seconds, self._settings.span_seconds)
        reader = SourceReader(self.source, read_seconds, max_step_seconds)
        # A recording waits for the model, wherever it lies; the world does not.
        self._drop_oldest = self.source.pace is not None or not reader.has_end
        return reader

    def _cutter(
        self, origin_seconds: float, settings: WindowSettings | None = None
    ) -> WindowCutter:
        """A cutter for a stretch that begins now; what was scored before is not cut again."""
        settings = settings or self._settings
        first_window = 0
        if self._resume.after_seconds is not None:
            first_window = settings.num_windows_until(self._resume.after_seconds - origin_seconds)
        return WindowCutter(settings, self._prepare, origin_seconds, first_window)

    def _cut(self, cutter: WindowCutter, frame: TimedFrame) -> int:
        """Cut one frame and hand on what it completes; gives the number of windows."""
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
        self.last_seconds = frame.seconds
        return num_windows
