"""The time line of a live connection: time stamps for smoothness, arrival for truth.

A camera's stamps are regular where the network is not, so frames keep their distances. But stamps
may run at another pace than time: FFmpeg invents 25 frames per second for MJPEG over HTTP, and some
encoders stamp 25 and deliver 20. So the lag of stamps behind arrival is followed, block by block.
The smallest lag of a block is that of its least delayed frame, which jitter and stalls do not move.
"""

from __future__ import annotations

import math

_BLOCK_SECONDS = 5.0
_SEGMENTED_BLOCK_SECONDS = 30.0
_CATCH_UP_BLOCKS = 6
_LARGEST_LAG_SECONDS = 1.0
_NOTABLE_DRIFT = 0.02
# No lag yet, and when it was seen.
_NONE = (math.inf, math.inf)


class ArrivalClock:
    """Gives the time of each frame of one connection.

    Args:
        seconds: Where the first frame stands on the time line.
        arrived: When it arrived, by the monotonic clock.
        has_stamps: Whether frames carry times; without them, arrival alone counts.
        is_segmented: Whether frames arrive in bursts, as in HLS.

    Attributes:
        pace: Seconds of stamps per second of arrival, once a lasting drift is measured.
    """

    def __init__(
        self, seconds: float, arrived: float, has_stamps: bool = True, is_segmented: bool = False
    ) -> None:
        self.pace: float | None = None
        self._has_stamps = has_stamps
        self._block_seconds = _SEGMENTED_BLOCK_SECONDS if is_segmented else _BLOCK_SECONDS
        self._arrival_offset = seconds - arrived
        self._last = seconds
        self._last_stamp: float | None = None
        self._rate = 1.0
        # The first block only shows how far a server's first burst is ahead of arrival.
        self._block_end = seconds + self._block_seconds / 5
        self._smallest = math.inf
        self._least_raw = _NONE
        self._reference: float | None = None
        self._last_raw = _NONE
        self._num_drifting = 0

    def read(self, stamp: float, arrived: float) -> float:
        """Give the time of a frame.

        Args:
            stamp: Its time stamp in seconds, rising.
            arrived: When it arrived, by the monotonic clock.
        """
        by_arrival = self._arrival_offset + arrived
        if self._last_stamp is None:
            self._last_stamp = stamp
            return self._last
        if not self._has_stamps:
            # Frames that arrive together keep their order.
            self._last = max(by_arrival, self._last + 1e-3)
            return self._last
        self._last += (stamp - self._last_stamp) * self._rate
        self._last_stamp = stamp
        self._smallest = min(self._smallest, by_arrival - self._last)
        self._least_raw = min(self._least_raw, (by_arrival - stamp, by_arrival))
        if by_arrival >= self._block_end:
            self._end_block(by_arrival)
        return self._last

    def _end_block(self, now: float) -> None:
        """Compare the smallest lags with those before; correct the rate."""
        if self._reference is None:
            self._reference = self._smallest
        else:
            (before, earlier), (raw, later) = self._last_raw, self._least_raw
            self._last_raw = self._least_raw
            if later - earlier > self._block_seconds / 2:
                pace = 1.0 - (raw - before) / (later - earlier)
                self._correct(max(pace, 0.01), self._smallest - self._reference)
        self._smallest = math.inf
        self._least_raw = _NONE
        self._block_end = now + self._block_seconds

    def _correct(self, pace: float, lag: float) -> None:
        """Follow arrival: at the pace of the last block, and catching up slowly."""
        self._num_drifting = self._num_drifting + 1 if abs(pace - 1.0) > _NOTABLE_DRIFT else 0
        if abs(lag) >= _LARGEST_LAG_SECONDS or self._rate != 1.0:
            if self._num_drifting >= 2 and self.pace is None:
                self.pace = pace
            catch_up = lag / (_CATCH_UP_BLOCKS * self._block_seconds)
            self._rate = (1.0 + min(max(catch_up, -0.5), 1.0)) / pace
