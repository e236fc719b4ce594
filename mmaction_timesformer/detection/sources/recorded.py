"""Watching a recording once, from where an earlier run left it."""

from __future__ import annotations

import time
from dataclasses import replace

from mmaction_timesformer.detection.sources.feed import Begin, End, Feed, Gap
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.windows import TimedFrame, WindowSettings


class FileFeed(Feed):
    """Reads a file once, as fast as its windows are taken or at a given pace."""

    _has_begun = False
    _played_since: float | None = None
    """When a file that keeps a pace began, by the monotonic clock."""

    def _read(self) -> End:
        num_windows, end = self._read_windows(self._settings)
        is_new = self._resume.after_seconds is None
        is_short = self.last_seconds < self._settings.span_seconds
        if num_windows == 0 and is_new and is_short:
            # Shorter than a window: show the model all there is, as training does.
            self.num_frames = 0
            _, end = self._read_windows(self._settings.shrunk_to(self.last_seconds))
        return end

    def _read_windows(self, settings: WindowSettings) -> tuple[int, End]:
        cutter = None
        num_windows = 0
        self._played_since = None
        with self._open() as reader:
            for item in reader.frames(self._from_seconds()):
                if isinstance(item, Break):
                    self._note_gap(item)
                    self._played_since = None
                    cutter = self._cutter(item.seconds, settings)
                    continue
                if cutter is None:
                    if not self._has_begun:
                        self._put(Begin(self.source.name, reader.epoch))
                        self._has_begun = True
                    cutter = self._cutter(0.0, settings)
                num_windows += self._cut(cutter, self._at_pace(item))
            seconds = self.last_seconds + reader.frame_seconds
            return num_windows, self._end(seconds, reader)

    def _note_gap(self, item: Break) -> None:
        noted_until = self._resume.after_gap_seconds
        if noted_until is None or item.seconds > noted_until + 1e-3:
            self._put(Gap(self.source.name, self.last_seconds, item.seconds, item.reason))

    def _at_pace(self, frame: TimedFrame) -> TimedFrame:
        """The frame when a live stream would show it; what is not wanted comes at once."""
        pace = self.source.pace
        if pace is None or frame.seconds < self._wanted_from():
            return frame
        if self._played_since is None:
            self._played_since = time.monotonic() - frame.seconds / pace
        self._wait(self._played_since + frame.seconds / pace - time.monotonic())
        return replace(frame, arrived=time.monotonic())

    def _wanted_from(self) -> float:
        """Where frames must begin so that the first wanted window is complete."""
        if self._resume.after_seconds is None:
            return 0.0
        return max(0.0, self._resume.after_seconds - self._settings.span_seconds)

    def _from_seconds(self) -> float:
        """Where to begin to read."""
        # Past a gap, time stamps no longer tell the time.
        return 0.0 if self._resume.after_gap_seconds is not None else self._wanted_from()

    def _end(self, seconds: float, reader: SourceReader) -> End:
        remarks = [reader.ending] if reader.ending else []
        if reader.num_errors:
            remarks.append(f'{reader.num_errors} packets could not be decoded')
        return End(self.source.name, seconds, '', '; '.join(remarks), self.num_frames)
