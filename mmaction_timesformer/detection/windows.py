"""Windows over a source's time line, cut as its frames come in.

Window k samples T moments: the first k hops after the first frame, then one every span / T seconds,
as in a training clip, whatever the source's frame rate. At each moment the nearest frame counts.
A frame is converted only if a window needs it, and prepared once for all windows that share it.

Legend: T frames of a window, V crops, C channels, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

# The grid of moments is kept in whole microseconds: moments that fall together must be equal.
_TICKS = 1_000_000
# Farther apart, windows are samples and no watch.
_LONGEST_HOP_SECONDS = 60.0

Prepare = Callable[[np.ndarray], Tensor]
"""From an RGB picture (H, W, 3) uint8 to the model's input, (V, C, H, W)."""


@dataclass(frozen=True)
class TimedFrame:
    """A frame on its source's time line.

    Attributes:
        seconds: When it is shown, on the source's time line.
        picture: Converts it to RGB, (H, W, 3) uint8, upright; the work is done on the call.
        arrived: Value of ``time.monotonic()`` when it came out of the decoder.
    """

    seconds: float
    picture: Callable[[], np.ndarray]
    arrived: float = 0.0

    def shifted(self, seconds: float) -> TimedFrame:
        """The same frame, later on the time line."""
        return replace(self, seconds=self.seconds + seconds)


PrepareFrame = Callable[[TimedFrame], Tensor]
"""From a frame to the model's input, (V, C, H, W)."""


@dataclass(frozen=True)
class WindowSettings:
    """How windows lie in time.

    Attributes:
        num_frames: T.
        span_seconds: Time that a training clip covers: T times the distance of its frames.
        hop_seconds: From one window to the next. A multiple or a whole fraction of
            span / T lets windows share the most frames.
    """

    num_frames: int
    span_seconds: float
    hop_seconds: float

    def __post_init__(self) -> None:
        limit = max(self.span_seconds, _LONGEST_HOP_SECONDS)
        if self.hop_seconds > limit:
            raise ValueError(
                f'hop_seconds={self.hop_seconds} must be at most {limit:g}: what lies between '
                'windows is never seen'
            )
        if self.num_frames < 1:
            raise ValueError(f'num_frames={self.num_frames} must be at least 1')
        for name in ('span_seconds', 'hop_seconds'):
            value = getattr(self, name)
            if not 1 / _TICKS <= value < float('inf'):
                raise ValueError(f'{name}={value} must be a finite number above 0')

    @property
    def stride_ticks(self) -> int:
        """From one frame of a window to the next."""
        return round(self.span_seconds / self.num_frames * _TICKS)

    @property
    def hop_ticks(self) -> int:
        """From one window to the next."""
        return round(self.hop_seconds * _TICKS)

    @property
    def reach_ticks(self) -> int:
        """From the first frame of a window to the last."""
        return self.stride_ticks * (self.num_frames - 1)

    def centre_seconds(self, window: int) -> float:
        """The moment that a window's scores stand for, from the first frame of all."""
        return (window * self.hop_ticks + self.reach_ticks / 2) / _TICKS

    def num_windows_until(self, seconds: float) -> int:
        """How many windows have their centre at that time or earlier."""
        ticks = round(seconds * _TICKS) - self.reach_ticks / 2
        return max(0, int(ticks // self.hop_ticks) + 1)

    def shrunk_to(self, length_seconds: float) -> WindowSettings:
        """Windows for a recording of that length: as many frames, closer together."""
        stride_ticks = max(int(length_seconds * _TICKS) // max(self.num_frames - 1, 1), 1)
        return replace(self, span_seconds=self.num_frames * stride_ticks / _TICKS)

    def moments(self, window: int) -> list[int]:
        """The ticks that a window shows, from the first frame of all."""
        start = window * self.hop_ticks
        return [start + place * self.stride_ticks for place in range(self.num_frames)]


@dataclass(frozen=True)
class Window:
    """One window, ready for the model.

    Attributes:
        index: Its number on the grid.
        seconds: Its centre.
        newest_seconds: Time of its last frame.
        arrived: When that frame came out of the decoder, ``time.monotonic()``.
        frames: T times (V, C, H, W).
    """

    index: int
    seconds: float
    newest_seconds: float
    arrived: float
    frames: tuple[Tensor, ...]

    def clips(self) -> Tensor:
        """The frames as clips, (V, C, T, H, W)."""
        return torch.stack(self.frames, dim=2)


class WindowCutter:
    """Cuts a stretch of frames without gaps into windows.

    Args:
        settings: Where windows lie.
        prepare: Makes the model's input (V, C, H, W) of a frame.
        origin_seconds: Time at which window 0 begins.
        first_window: The windows before this one are not wanted.
    """

    def __init__(
        self,
        settings: WindowSettings,
        prepare: PrepareFrame,
        origin_seconds: float = 0.0,
        first_window: int = 0,
    ) -> None:
        self.settings = settings
        self.num_prepared = 0
        self._prepare = prepare
        self._origin_seconds = origin_seconds
        self._window = first_window
        self._moments = _wanted_moments(settings, first_window)
        self._next_moment = next(self._moments)
        self._shown: dict[int, _Shown] = {}
        self._previous: TimedFrame | None = None
        self._previous_prepared: _Shown | None = None

    def push(self, frame: TimedFrame) -> Iterator[Window]:
        """Take the next frame; give the windows that it completes.

        Args:
            frame: Later than the one before.
        """
        ticks = self._ticks(frame)
        current: _Shown | None = None
        while self._next_moment <= ticks:
            moment = self._next_moment
            if self._previous is not None and moment - self._ticks(self._previous) < ticks - moment:
                if self._previous_prepared is None:
                    self._previous_prepared = self._make(self._previous, frame.arrived)
                self._shown[moment] = self._previous_prepared
            else:
                current = current or self._make(frame, frame.arrived)
                self._shown[moment] = current
            self._next_moment = next(self._moments)
            yield from self._complete(moment)
        self._previous, self._previous_prepared = frame, current

    def finish(self, end_seconds: float) -> Iterator[Window]:
        """Show the last frame until it ends; give the windows that this completes."""
        if self._previous is not None:
            yield from self.push(self._previous.shifted(end_seconds - self._previous.seconds))

    def _ticks(self, frame: TimedFrame) -> int:
        return round((frame.seconds - self._origin_seconds) * _TICKS)

    def _make(self, frame: TimedFrame, arrived: float) -> _Shown:
        self.num_prepared += 1
        return _Shown(frame.seconds, arrived, self._prepare(frame))

    def _complete(self, moment: int) -> Iterator[Window]:
        """The window whose last moment this is, if there is one."""
        if self._window * self.settings.hop_ticks + self.settings.reach_ticks == moment:
            shown = [self._shown[tick] for tick in self.settings.moments(self._window)]
            yield Window(
                self._window,
                self._origin_seconds + self.settings.centre_seconds(self._window),
                shown[-1].seconds,
                shown[-1].arrived,
                tuple(frame.pixels for frame in shown),
            )
            self._window += 1
            begin = self._window * self.settings.hop_ticks
            for tick in [tick for tick in self._shown if tick < begin]:
                del self._shown[tick]


@dataclass(frozen=True)
class _Shown:
    """A prepared frame, and when it could be used."""

    seconds: float
    arrived: float
    pixels: Tensor


def _wanted_moments(settings: WindowSettings, first_window: int) -> Iterator[int]:
    """All moments that any window from the first on shows, rising, each once, without end."""
    begin = first_window * settings.hop_ticks
    offsets = np.asarray(settings.moments(0), dtype=np.int64)
    after = begin - 1
    while True:
        # For each place in a window, the first window whose moment there comes later.
        windows = np.maximum(-((offsets - after - 1) // settings.hop_ticks), first_window)
        after = int((windows * settings.hop_ticks + offsets).min())
        yield after
