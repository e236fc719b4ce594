"""Watching a live source for ever: when it breaks off, note the gap and open it again."""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import replace
from datetime import datetime, timezone

from mmaction_timesformer.detection.sources.feed import Begin, End, Feed, Gap, StoppedError, explain
from mmaction_timesformer.detection.sources.reader import Break
from mmaction_timesformer.detection.windows import WindowCutter

# A thread whose read does not return cannot be ended; beyond these, one must return first.
_MAX_LEFT_BEHIND = 4


class LiveFeed(Feed):
    """Reads a network stream or a camera until it is stopped.

    The time line goes on with the clock while the source is away. An address that tells how long
    its video is, as a file on a web server does, is read once.
    """

    _gap: Gap | None = None
    _first_arrival: tuple[float, float] | None = None
    """Reading of the monotonic clock, and time on the time line, at the first frame of all."""
    _failure = ''
    """What ended the last try to read."""
    _num_failures = 0
    """How many tries in a row gave no frame."""
    _left_behind: tuple[threading.Thread, ...] = ()

    def successor(self) -> LiveFeed:
        """A feed that takes over from this one, whose thread hangs in a read for good."""
        self.stop()
        feed = copy.copy(self)
        feed._renew_thread()
        feed._failure = 'a read does not return'
        feed._left_behind = (*self._left_behind, self._thread)
        return feed

    def _read(self) -> End:
        if self._resume.epoch is not None and self._first_arrival is None and self._gap is None:
            self.last_seconds = self._resume.last_seconds
            self._lose('nobody was watching')
        while True:
            if self._failure:
                self._num_failures += 1
                self._lose(self._failure)
                limit = self._patience.max_retries
                if limit is not None and self._num_failures > limit:
                    reason = f'given up after {self._num_failures} tries: {self._failure}'
                    return End(self.source.name, self.last_seconds, reason)
                self._back_off()
            try:
                self._failure, is_over = self._read_connection()
            except StoppedError:
                raise
            except Exception as error:
                # A frame that cannot be used is like a connection that breaks: the next may do.
                self._failure, is_over = explain(error), False
            if is_over:
                return End(self.source.name, self.last_seconds, num_frames=self.num_frames)

    def _lose(self, reason: str) -> None:
        """Note that nothing more comes, if that is new."""
        if self._gap is None:
            self._gap = Gap(self.source.name, self.last_seconds, None, reason)
            self._put(self._gap)

    def _back_off(self) -> None:
        delay = self._patience.first_retry_seconds * 2.0 ** min(self._num_failures - 1, 30)
        self._wait(min(delay, self._patience.max_retry_seconds))
        while sum(thread.is_alive() for thread in self._left_behind) >= _MAX_LEFT_BEHIND:
            self._wait(self._patience.max_retry_seconds)

    def _read_connection(self) -> tuple[str, bool]:
        """Read until the connection breaks; gives the reason and whether that is the end."""
        cutter: WindowCutter | None = None
        offset = 0.0
        with self._open() as reader:
            for item in reader.frames():
                if isinstance(item, Break):
                    self._lose(item.reason)
                    if not reader.has_end:
                        offset = self._clock_seconds(time.monotonic()) - item.seconds
                    cutter = self._begin_stretch(offset + item.seconds)
                    continue
                if cutter is None:
                    now = time.monotonic()
                    self._arrive(now)
                    offset = self._clock_seconds(now)
                    cutter = self._begin_stretch(offset)
                self._cut(cutter, item.shifted(offset))
                self._num_failures = 0
            return reader.ending or 'the stream has ended', reader.has_end and not reader.ending

    def _arrive(self, now: float) -> None:
        """The first frame of a connection has come, when the monotonic clock read `now`."""
        if self._first_arrival is not None:
            self.num_reconnects += 1
            return
        utc = datetime.now(timezone.utc)
        epoch = self._resume.epoch or utc
        self._first_arrival = now, max((utc - epoch).total_seconds(), 0.0)
        self._put(Begin(self.source.name, epoch))

    def _clock_seconds(self, now: float) -> float:
        """Where a frame that comes when the monotonic clock reads `now` stands on the time line."""
        assert self._first_arrival is not None
        first_arrival, first_seconds = self._first_arrival
        seconds = first_seconds + (now - first_arrival)
        # A source that first sends what it has kept can be ahead of the clock.
        return seconds if self._gap is None else max(seconds, self._gap.start_seconds + 0.001)

    def _begin_stretch(self, seconds: float) -> WindowCutter:
        """Frames come again: end the gap, if there is one."""
        if self._gap is not None:
            self._put(replace(self._gap, end_seconds=seconds))
            self._gap = None
        return self._cutter(seconds)
