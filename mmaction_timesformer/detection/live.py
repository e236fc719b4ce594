"""Watching a live source for ever: when it breaks off, note the gap and open it again."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone

from data_analysis.video_files import VideoError
from mmaction_timesformer.detection.feed import Begin, End, Feed, Gap
from mmaction_timesformer.detection.reader import Break
from mmaction_timesformer.detection.windows import WindowCutter


class LiveFeed(Feed):
    """Reads a network stream or a camera until it is stopped.

    The time line goes on with the clock while the source is away. An address that tells how long
    its video is, as a file on a web server does, is read once.
    """

    _gap: Gap | None = None
    _first_arrival: tuple[float, float] | None = None
    """Reading of the monotonic clock, and time on the time line, at the first frame of all."""

    def successor(self) -> LiveFeed:
        """A feed that takes over from this one, whose thread hangs in a read for good."""
        self.stop()
        feed = LiveFeed(
            self.source, self._settings, self._prepare, self._queue, self._patience, self._resume
        )
        feed.num_frames, feed.num_prepared = self.num_frames, self.num_prepared
        feed.num_reconnects, feed.last_seconds = self.num_reconnects, self.last_seconds
        feed._first_arrival = self._first_arrival
        feed._gap = self._gap
        if self._gap is None and self._first_arrival is not None:
            feed._gap = Gap(self.source.name, self.last_seconds, None, 'a read does not return')
            self._queue.put(self.source.name, feed._gap, drop_oldest=True)
        return feed

    def _read(self) -> End:
        if self._first_arrival is None and self._resume.epoch is not None:
            self.last_seconds = self._resume.last_seconds
            reason = 'nobody was watching'
            self._gap = Gap(self.source.name, self.last_seconds, None, reason)
            self._put(self._gap)
        num_failures = 0
        while True:
            frames_before = self.num_frames
            try:
                reason, is_over = self._read_connection()
            except VideoError as error:
                reason, is_over = error.reason, False
            if is_over:
                return End(self.source.name, self.last_seconds, num_frames=self.num_frames)
            num_failures = 1 if self.num_frames > frames_before else num_failures + 1
            if self._gap is None:
                self._gap = Gap(self.source.name, self.last_seconds, None, reason)
                self._put(self._gap)
            limit = self._patience.max_retries
            if limit is not None and num_failures > limit:
                reason = f'given up after {num_failures} tries: {reason}'
                return End(self.source.name, self.last_seconds, reason)
            delay = self._patience.first_retry_seconds * 2.0 ** min(num_failures - 1, 30)
            self._wait(min(delay, self._patience.max_retry_seconds))

    def _read_connection(self) -> tuple[str, bool]:
        """Read until the connection breaks; gives the reason and whether that is the end."""
        cutter: WindowCutter | None = None
        offset = 0.0
        with self._open() as reader:
            for item in reader.frames():
                if isinstance(item, Break):
                    return item.reason, False
                if cutter is None:
                    offset = self._arrive()
                    cutter = self._cutter(offset)
                self._cut(cutter, item.shifted(offset))
            return reader.ending or 'the stream has ended', reader.has_end and not reader.ending

    def _arrive(self) -> float:
        """The first frame of a connection has come: where it stands on the time line."""
        now = time.monotonic()
        if self._first_arrival is None:
            utc = datetime.now(timezone.utc)
            epoch = self._resume.epoch or utc
            self._first_arrival = now, max((utc - epoch).total_seconds(), 0.0)
            self._put(Begin(self.source.name, epoch))
        else:
            self.num_reconnects += 1
        first_arrival, first_seconds = self._first_arrival
        seconds = first_seconds + now - first_arrival
        if self._gap is not None:
            # A source that first sends what it has kept can be ahead of the clock.
            seconds = max(seconds, self._gap.start_seconds + 0.001)
            self._put(replace(self._gap, end_seconds=seconds))
            self._gap = None
        return seconds
