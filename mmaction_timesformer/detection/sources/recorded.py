"""Watching a recording once, from where an earlier run left it."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.sources import file_state
from mmaction_timesformer.detection.sources.feed import Feed
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.sources.records import Begin, End, Gap
from mmaction_timesformer.detection.windows import TimedFrame, WindowCutter, WindowSettings
from video_clips.reading.opening import VideoError
from video_clips.reading.video import open_video

# A file that lacks promised data is waited for; one without promises is followed while it grows.
_LONGEST_WAIT_SECONDS = 10.0
_QUIET_SECONDS = 2.0
_OPEN_ENDED = ('.ts', '.mts', '.m2ts', '.mpg', '.mpeg', '.flv', '.h264', '.h265', '.264', '.265')


class FileFeed(Feed):
    """Reads a file once, as fast as its windows are taken or at a given pace.

    A file that grows is followed until it is quiet.
    """

    _has_begun = False
    _first_seconds = 0.0
    _num_windows = 0
    _active_cutter: WindowCutter | None = None
    _played_since: float | None = None
    """When a file that keeps a pace began, by the monotonic clock."""
    _identity: Mapping[str, Any] | None = None
    _taken_up: tuple[float, float] | None = None
    """After a resume: times of the first two frames read, between which an earlier run read."""

    def _read(self) -> End:
        end = self._read_all(self._windows)
        is_new = self._after_seconds is None
        length = end.seconds - self._first_seconds
        if self._num_windows or not is_new:
            return end
        if length < self._windows.span_seconds:
            # Shorter than a window: show the model all there is, as training does.
            self.num_frames = 0
            self.watched_seconds = 0.0
            shown = self.last_seconds - self._first_seconds
            end = self._read_all(self._windows.shrunk_to(shown), is_short=True)
        if not self._num_windows:
            reason = f'no window: {end.num_frames} frames, and no {length:g} s without a gap'
            end = replace(end, error=reason)
        return end

    def _read_all(self, windows: WindowSettings, is_short: bool = False) -> End:
        """Read the file; follow it while it grows."""
        self._active_cutter = None
        done_seconds: float | None = None
        while True:
            stamp = self._stamp()
            with self._open() as reader:
                self._read_pass(reader, windows, done_seconds)
                seconds = self.last_seconds + reader.frame_seconds
                if is_short and self._active_cutter is not None:
                    for window in self._active_cutter.finish(seconds):
                        self._put(window)
                        self._num_windows += 1
            if is_short or not self._has_grown(stamp):
                return self._end(seconds, reader)
            done_seconds = self.last_seconds

    def _read_pass(
        self, reader: SourceReader, windows: WindowSettings, done_seconds: float | None
    ) -> None:
        self._played_since = None
        for item in self._new_items(reader, done_seconds):
            if self._taken_up is None and self.num_frames == 1 and self._from_seconds():
                self._taken_up = self.last_seconds, item.seconds
            if isinstance(item, Break):
                self._note_gap(item)
                self._played_since = None
                self._active_cutter = self._cutter(item.seconds, windows)
                continue
            if self._active_cutter is None:
                self._begin(reader, item)
                self._active_cutter = self._cutter(item.seconds, windows)
            self._num_windows += self._cut(self._active_cutter, self._at_pace(item))

    def _new_items(
        self, reader: SourceReader, done_seconds: float | None
    ) -> Iterator[TimedFrame | Break]:
        """Frames that no earlier pass has cut."""
        if done_seconds is None:
            yield from reader.frames(self._from_seconds())
            return
        has_breaks = self._resume.after_gap_seconds is not None
        from_seconds = 0.0 if has_breaks else done_seconds
        yield from (f for f in reader.frames(from_seconds) if f.seconds > done_seconds)

    def _begin(self, reader: SourceReader, first: TimedFrame) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._first_seconds = first.seconds
        recorded = reader.recorded
        self._put(Begin(self.source.name, recorded.epoch, first.seconds, recorded.clock))

    def _stamp(self) -> file_state.Stamp | None:
        """Identify what is about to be read; None where it is no regular file."""
        path = Path(self.source.url)
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                return None
            self._identity = file_state.identify(path)
            return file_state.Stamp.of(path)
        except OSError:
            # Opening it says why.
            return None

    def _has_grown(self, stamp: file_state.Stamp | None) -> bool:
        """Wait for a file that may still be written; say whether it has grown."""
        if stamp is None:
            return False
        path = self.source.url
        patience = min(self._patience.read_seconds, _LONGEST_WAIT_SECONDS)
        deadline = time.monotonic() + patience
        while True:
            now = file_state.Stamp.of(path)
            if now.size > stamp.size:
                return True
            is_open_ended = Path(path).suffix.lower() in _OPEN_ENDED
            wait = _QUIET_SECONDS if is_open_ended else 0.0
            wait = patience if file_state.missing_bytes(path) else min(wait, patience)
            if time.time() - now.modified >= wait or time.monotonic() > deadline:
                return False
            self._wait(0.1)

    def _note_gap(self, item: Break) -> None:
        noted_until = self._resume.after_gap_seconds
        if noted_until is None or item.seconds > noted_until + 1e-3:
            self._put(Gap(self.source.name, self.last_seconds, item.seconds, item.reason))

    def _at_pace(self, frame: TimedFrame) -> TimedFrame:
        """Hold a frame until a live stream would show it; what is not wanted comes at once."""
        pace = self.source.pace
        if pace is None or frame.seconds < self._wanted_from():
            return frame
        if self._played_since is None:
            self._played_since = time.monotonic() - frame.seconds / pace
        self._wait(self._played_since + frame.seconds / pace - time.monotonic())
        return replace(frame, arrived=time.monotonic())

    def _wanted_from(self) -> float:
        """Where frames must begin so that the first wanted window is complete."""
        if self._after_seconds is None:
            return 0.0
        return max(0.0, self._after_seconds - self._windows.span_seconds)

    def _from_seconds(self) -> float:
        """Where to begin to read."""
        # Past a gap, time stamps no longer tell the time.
        return 0.0 if self._resume.after_gap_seconds is not None else self._wanted_from()

    def _end(self, seconds: float, reader: SourceReader) -> End:
        """Sum up; `seconds` is the end of the last frame."""
        error = ''
        remarks = [reader.ending] if reader.ending else []
        if self._identity is not None:
            if file_state.compare(self.source.url, self._identity) == 'other':
                error = 'the file was replaced while it was read'
            elif missing := file_state.missing_bytes(self.source.url):
                remarks.append(f'truncated: the container promises {missing} bytes more')
        if reader.num_errors:
            remarks.append(f'{reader.num_errors} packets could not be decoded')
        if reader.num_damaged:
            remarks.append(f'{reader.num_damaged} frames are damaged')
        if reader.num_out_of_order:
            remarks.append(f'{reader.num_out_of_order} frames out of order were left out')
        step = self._mean_step()
        if step > self._windows.span_seconds:
            remarks.append(
                f'frames come every {step:.1f} s: windows of {self._windows.span_seconds:g} s show '
                'still pictures'
            )
        self.watched_seconds += reader.frame_seconds
        return End(
            self.source.name,
            seconds,
            error,
            '; '.join(remarks),
            self.num_frames + self._num_read_before(),
            round(self._from_seconds(), 3),
            self._identity,
        )

    def _num_read_before(self) -> int:
        """Frames that earlier runs decoded and this one did not; a kill leaves no note of them."""
        if self._taken_up is None:
            return 0
        self._reading_since = None  # Reading through the file may take long.
        try:
            with open_video(self.source.url) as video:
                seconds = video.seconds
        except VideoError:
            return 0
        # Both readers round, by less than this.
        first, taken_up = self._taken_up
        return int(((seconds > first + 1e-3) & (seconds < taken_up - 1e-3)).sum())

    def _mean_step(self) -> float:
        return self.watched_seconds / max(self.num_frames - 1, 1)
