"""The frames of mmaction2 1.2.0's transform ``SampleFrames``, as a pure function.

It is here so that an analysis can show the frames that a training run with that transform sees. The
tests compare it with the transform itself, random draws included.
"""

from typing import Literal

import numpy as np


def sample_like_mmaction2(
    num_frames: int,
    clip_len: int,
    frame_interval: int = 1,
    num_clips: int = 1,
    *,
    short_clip: Literal['loop', 'repeat_last'] = 'loop',
    test_mode: bool = False,
    keep_tail_frames: bool = False,
    twice_sample: bool = False,
    temporal_jitter: bool = False,
    target_fps: float | None = None,
    fps: float | None = None,
    rng: np.random.RandomState | None = None,
) -> np.ndarray:
    """The frames that mmaction2 samples of a clip.

    Args:
        num_frames: Frames of the clip.
        clip_len: Frames wanted.
        frame_interval: Distance from one to the next.
        num_clips: How many samples.
        short_clip: What to do with frames past the end, mmaction2's ``out_of_bound_opt``: wrap
            around, or repeat the last of the sampled ones that exists.
        test_mode: Spread the samples evenly; otherwise draw them at random.
        keep_tail_frames: Let random samples reach the clip's last frames.
        twice_sample: Take twice as many samples in testing.
        temporal_jitter: Shift each frame by up to an interval.
        target_fps: Take the interval as one at this frame rate.
        fps: The clip's frame rate, for ``target_fps``.
        rng: Stands for NumPy's global generator, from which the transform draws; needed where it
            draws.

    Returns:
        (number of samples, clip_len) int64.
    """
    if short_clip not in ('loop', 'repeat_last'):
        raise ValueError(f"short_clip must be 'loop' or 'repeat_last', got {short_clip!r}")
    if (temporal_jitter or not test_mode) and rng is None:
        raise ValueError('mmaction2 draws at random here: pass rng')
    if temporal_jitter and target_fps:
        raise ValueError('temporal_jitter and target_fps exclude each other; mmaction2 fails, too')
    span = _span(clip_len, frame_interval, test_mode, target_fps, fps)
    if test_mode:
        offsets = _test_offsets(
            num_frames, clip_len, num_clips, span, twice_sample, floored=target_fps is not None
        )
    else:
        offsets = _train_offsets(num_frames, num_clips, span, keep_tail_frames, rng)
    steps: np.ndarray
    if target_fps:
        steps = np.linspace(0, span - 1, clip_len).astype(np.int32)
    else:
        steps = np.arange(clip_len) * frame_interval
    frames: np.ndarray = (offsets[:, None] + steps).reshape(-1)
    if temporal_jitter:
        assert rng is not None
        frames = frames + rng.randint(frame_interval, size=len(frames))
    frames = frames.reshape(-1, clip_len)
    if short_clip == 'loop':
        frames = np.mod(frames, num_frames)
    else:
        exists = frames < num_frames
        last = np.max(exists * frames, axis=1, keepdims=True)
        frames = np.where(exists, frames, last)
    return frames.astype(np.int64)


def _span(
    clip_len: int,
    frame_interval: int,
    test_mode: bool,
    target_fps: float | None,
    fps: float | None,
) -> float:
    if target_fps is not None:
        scale = fps / target_fps if fps else 1.0
        return float(np.maximum(1, clip_len * frame_interval * scale))
    # In training the span has an interval's length after the last frame, too.
    return (clip_len - 1) * frame_interval + 1 if test_mode else clip_len * frame_interval


def _test_offsets(
    num_frames: int, clip_len: int, num_clips: int, span: float, twice_sample: bool, floored: bool
) -> np.ndarray:
    if clip_len == 1:
        interval = num_frames / num_clips
        starts = np.arange(num_clips) * interval
        middles = starts + interval / 2.0
        return np.concatenate([middles, starts]) if twice_sample else middles
    room = max(num_frames - span, 0)
    num_samples = num_clips * 2 if twice_sample else num_clips
    if num_samples == 1:
        return np.array([room // 2])
    # With one clip sampled twice, the transform divides by zero just so.
    with np.errstate(divide='ignore', invalid='ignore'):
        interval = np.float64(room) / float(num_clips - 1)
        return (
            np.arange(num_samples) * np.floor(interval)
            if floored
            else np.round(np.arange(num_samples) * interval)
        )


def _train_offsets(
    num_frames: int,
    num_clips: int,
    span: float,
    keep_tail_frames: bool,
    rng: np.random.RandomState | None,
) -> np.ndarray:
    assert rng is not None
    num_starts = num_frames - span + 1
    if keep_tail_frames:
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
