"""Watching a live source for ever: when it breaks off, note the gap and open it again."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from datetime import datetime, timezone
from time import monotonic

from mmaction_timesformer.detection.sources.arrival_clock import ArrivalClock
from mmaction_timesformer.detection.sources.feed import Feed, StoppedError, explain
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.sources.records import Begin, Drift, End, Gap
from mmaction_timesformer.detection.windows import TimedFrame, WindowCutter
from video_clips.reading.opening import VideoError

# A thread whose read does not return cannot be ended; beyond these, one must return first.
_MAX_LEFT_BEHIND = 4
# FFmpeg's word for a scheme that it does not know.
_NEVER = 'Protocol not found'


class LiveFeed(Feed):
    """Reads a network stream or a camera until it is stopped.

    The time line follows the clock, also while the source is away. A URL of a video with a known
    length, as on a web server, is read once.
    """

    _gap: Gap | None = None
    _first_arrival: tuple[float, float] | None = None
    """Reading of the monotonic clock, and time on the time line, at the first frame of all."""
    _has_drifted = False
    _failure = ''
    """Reason for the end of the last try to read."""
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
            except VideoError as error:
                if _NEVER in error.reason:
                    return End(self.source.name, self.last_seconds, error.reason)
                self._failure, is_over = explain(error), False
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
        """Read until the connection breaks; give the reason and whether that is the end."""
        cutter: WindowCutter | None = None
        offset = 0.0
        with self._open() as reader:
            clock: ArrivalClock | None = None
            for item in reader.frames():
                if isinstance(item, Break):
                    self._lose(item.reason)
                    if not reader.has_end:
                        offset = self._clock_seconds(monotonic()) - item.seconds
                    cutter, clock = self._begin_stretch(offset + item.seconds), None
                    continue
                if cutter is None:
                    now = monotonic()
                    self._arrive(now, reader)
                    offset = self._clock_seconds(now)
                    if not reader.has_end:
                        offset -= item.seconds
                    cutter = self._begin_stretch(offset + item.seconds)
                frame = item.shifted(offset)
                if self._keeps_time(reader):
                    clock = clock or self._arrival_clock(reader, frame)
                    frame = replace(frame, seconds=clock.read(item.seconds, item.arrived))
                    self._note_drift(clock)
                    cutter = self._break_at_hole(frame, reader, cutter)
                self._cut(cutter, frame)
                self._num_failures = 0
            return reader.ending or 'the stream has ended', reader.has_end and not reader.ending

    def _keeps_time(self, reader: SourceReader) -> bool:
        """Whether frames arrive when they are seen; recordings and test pictures do not."""
        return not reader.has_end and self.source.device_format != 'lavfi'

    def _arrival_clock(self, reader: SourceReader, frame: TimedFrame) -> ArrivalClock:
        return ArrivalClock(frame.seconds, frame.arrived, reader.has_stamps, reader.is_segmented)

    def _note_drift(self, clock: ArrivalClock) -> None:
        """Report a drift once; a source that is opened again has the same."""
        if clock.pace is None or self._has_drifted:
            return
        self._has_drifted = True
        remark = f'time stamps run at {clock.pace:.2f} times the pace of arrival, which is followed'
        name, seconds = self.source.name, self.last_seconds
        self._put(Drift(name, round(seconds, 3), round(clock.pace, 4), remark))

    def _break_at_hole(
        self, frame: TimedFrame, reader: SourceReader, cutter: WindowCutter
    ) -> WindowCutter:
        """Where frames without stamps pause for too long, begin a new stretch."""
        step = frame.seconds - (self._cut_until or frame.seconds)
        if reader.has_stamps or step <= self._longest_step:
            return cutter
        self._lose(f'no frame came for {step:.1f} s')
        return self._begin_stretch(frame.seconds)

    def _arrive(self, now: float, reader: SourceReader) -> None:
        """Note the first frame of a connection; the monotonic clock read `now` when it came."""
        if self._first_arrival is not None:
            self.num_reconnects += 1
            return
        utc = datetime.now(timezone.utc)
        epoch = self._resume.epoch or utc
        self._first_arrival = now, max((utc - epoch).total_seconds(), 0.0)
        clock = 'arrival, with time stamps' if reader.has_stamps else 'arrival'
        self._put(Begin(self.source.name, epoch, clock=clock))

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
