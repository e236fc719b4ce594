"""The frames of mmaction2 1.2.0's transform ``SampleFrames``, as a pure function.

It is here so that an analysis can show the frames that a training run with that transform sees. The
tests compare it with the transform itself, random draws included.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Mmaction2Sampler:
    """The settings of the transform, under its names."""

    clip_len: int
    """Frames wanted."""
    frame_interval: int = 1
    """Distance from one to the next."""
    num_clips: int = 1
    """How many samples."""
    out_of_bound_opt: Literal['loop', 'repeat_last'] = 'loop'
    """The treatment of frames past the end: wrap around, or repeat the last sampled one that
    exists."""
    test_mode: bool = False
    """Spread the samples evenly; otherwise draw them at random."""
    keep_tail_frames: bool = False
    """Let random samples reach the clip's last frames."""
    twice_sample: bool = False
    """Take twice as many samples in testing."""
    temporal_jitter: bool = False
    """Shift each frame by up to an interval."""
    target_fps: float | None = None
    """Take the interval as one at this frame rate."""

    def __post_init__(self) -> None:
        if self.out_of_bound_opt not in ('loop', 'repeat_last'):
            raise ValueError(
                f"out_of_bound_opt must be 'loop' or 'repeat_last', got {self.out_of_bound_opt!r}"
            )
        if self.temporal_jitter and self.target_fps:
            raise ValueError(
                'temporal_jitter and target_fps exclude each other; mmaction2 fails, too'
            )

    def sample(
        self,
        num_frames: int,
        fps: float | None = None,
        rng: np.random.RandomState | None = None,
    ) -> np.ndarray:
        """The frames of a clip.

        Args:
            num_frames: Frames of the clip.
            fps: Its frame rate, for ``target_fps``.
            rng: Stands for NumPy's global generator, from which the transform draws; needed where
                it draws.

        Returns:
            (number of samples, clip_len) int64.
        """
        if (self.temporal_jitter or not self.test_mode) and rng is None:
            raise ValueError('mmaction2 draws at random here: pass rng')
        span = self._span(fps)
        if self.test_mode:
            offsets = self._test_offsets(num_frames, span)
        else:
            offsets = self._train_offsets(num_frames, span, rng)
        steps: np.ndarray
        if self.target_fps:
            steps = np.linspace(0, span - 1, self.clip_len).astype(np.int32)
        else:
            steps = np.arange(self.clip_len) * self.frame_interval
        frames: np.ndarray = (offsets[:, None] + steps).reshape(-1)
        if self.temporal_jitter:
            assert rng is not None
            frames = frames + rng.randint(self.frame_interval, size=len(frames))
        frames = frames.reshape(-1, self.clip_len)
        if self.out_of_bound_opt == 'loop':
            frames = np.mod(frames, num_frames)
        else:
            exists = frames < num_frames
            last = np.max(exists * frames, axis=1, keepdims=True)
            frames = np.where(exists, frames, last)
        return frames.astype(np.int64)

    def _span(self, fps: float | None) -> float:
        length, interval = self.clip_len, self.frame_interval
        if self.target_fps is not None:
            scale = fps / self.target_fps if fps else 1.0
            return float(np.maximum(1, length * interval * scale))
        # In training the span has an interval's length after the last frame, too.
        return (length - 1) * interval + 1 if self.test_mode else length * interval

    def _test_offsets(self, num_frames: int, span: float) -> np.ndarray:
        num_clips = self.num_clips
        if self.clip_len == 1:
            interval = num_frames / num_clips
            starts = np.arange(num_clips) * interval
            middles = starts + interval / 2.0
            return np.concatenate([middles, starts]) if self.twice_sample else middles
        room = max(num_frames - span, 0)
        num_samples = num_clips * 2 if self.twice_sample else num_clips
        if num_samples == 1:
            return np.array([room // 2])
        # With one clip sampled twice, the transform divides by zero just so.
        with np.errstate(divide='ignore', invalid='ignore'):
            interval = np.float64(room) / float(num_clips - 1)
            if self.target_fps is not None:
                return np.arange(num_samples) * np.floor(interval)
            return np.round(np.arange(num_samples) * interval)

    def _train_offsets(
        self, num_frames: int, span: float, rng: np.random.RandomState | None
    ) -> np.ndarray:
        assert rng is not None
        num_clips = self.num_clips
        num_starts = num_frames - span + 1
        if self.keep_tail_frames:
            if num_frames <= span - 1:
                return np.zeros(num_clips, dtype=np.int32)
            interval = num_starts / float(num_clips)
            shifts = rng.uniform(0, interval, num_clips)
            return (np.arange(num_clips) * interval + shifts).astype(np.int32)
        interval = num_starts // num_clips
        if interval > 0:
            return np.arange(num_clips) * interval + rng.randint(int(interval), size=num_clips)
        if num_frames > max(num_clips, span):
            return np.sort(rng.randint(int(num_starts), size=num_clips))
        if interval == 0:
            return np.around(np.arange(num_clips) * (num_starts / num_clips))
        return np.zeros(num_clips, dtype=np.int32)
