"""Which frames of a clip a model sees: mmaction2's rule as it is, and rules that keep time's order.

N frames in a clip, T frames wanted of it (``clip_len``), a frame interval between them; pure
functions that give (num_clips, T) frame numbers.

mmaction2's default wraps a clip that is too short: 8 frames at interval 32 of a clip with 60 frames
are 0, 32, 4, 36, 8, 40, 12, 44, so a worker who walks up to the cabin jumps back again and again
(`Mmaction2Sampler`). The rules here never wrap:

==================== ===========================================================================
``repeat_last``      keeps the interval; past the end it repeats the last frame
``shrink_interval``  takes the largest interval with which all T frames fit
``uniform``          cuts the clip into T equal parts and takes one frame of each
``error``            refuses the clip
==================== ===========================================================================
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from video_clips.mmaction2_sampling import Mmaction2Sampler

__all__ = [
    'SHORT_CLIP_RULES',
    'ClipTooShortError',
    'Mmaction2Sampler',
    'ShortClipRule',
    'frames_between',
    'frames_needed',
    'frames_on_show',
    'largest_interval',
    'sample_frames',
    'sample_span',
    'sample_uniformly',
]

ShortClipRule = Literal['repeat_last', 'shrink_interval', 'uniform', 'error']
SHORT_CLIP_RULES: tuple[str, ...] = get_args(ShortClipRule)

_TIME_TOLERANCE = 1e-6


class ClipTooShortError(ValueError):
    """A clip has fewer frames than the sampler needs, and the rule is ``error``."""


def frames_needed(clip_len: int, frame_interval: int) -> int:
    """How many frames a clip must have so that ``clip_len`` frames at this interval fit."""
    return (clip_len - 1) * frame_interval + 1


def largest_interval(num_frames: int, clip_len: int) -> int:
    """The largest interval with which ``clip_len`` frames fit; 0 if they do with none."""
    return num_frames - 1 if clip_len == 1 else (num_frames - 1) // (clip_len - 1)


def sample_frames(
    num_frames: int,
    clip_len: int,
    frame_interval: int = 1,
    num_clips: int = 1,
    *,
    short_clip: str = 'repeat_last',
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Sample by frames, without wrapping.

    Args:
        num_frames: Frames of the clip, N.
        clip_len: Frames wanted, T.
        frame_interval: Distance from one to the next.
        num_clips: How many samples of the clip: in testing spread evenly from its start to its end
            (one lies in the middle), in training one at random in each of as many equal parts.
        short_clip: What to do where T frames at this interval do not fit.
        rng: Source of chance, in training; None, as in testing, draws nothing at random.

    Returns:
        (num_clips, T) int64, rising along T, from 0 to N - 1.

    Raises:
        ClipTooShortError: The frames do not fit and the rule is ``error``.
    """
    _check(num_frames, clip_len, num_clips, short_clip)
    if frame_interval < 1:
        raise ValueError(f'frame_interval must be at least 1, got {frame_interval}')
    needed = frames_needed(clip_len, frame_interval)
    if num_frames < needed:
        if short_clip == 'error':
            raise ClipTooShortError(
                f'has {num_frames} frames; {clip_len} at interval {frame_interval} need {needed}'
            )
        if short_clip == 'uniform':
            return sample_uniformly(num_frames, clip_len, num_clips, rng=rng)
        if short_clip == 'shrink_interval':
            frame_interval = max(largest_interval(num_frames, clip_len), 1)
    room = max(num_frames - frames_needed(clip_len, frame_interval), 0)
    if rng is None:
        starts = np.floor(_spread(room, num_clips)).astype(np.int64)
    else:
        starts = np.floor(_one_in_each_part(room + 1, num_clips, rng)).astype(np.int64)
    frames = starts[:, None] + np.arange(clip_len) * frame_interval
    return np.minimum(frames, num_frames - 1)


def sample_uniformly(
    num_frames: int,
    clip_len: int,
    num_clips: int = 1,
    *,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """One frame of each of T equal parts of the clip: the middle one in testing, else a random one.

    Args:
        num_frames: Frames of the clip, N; with fewer than T some are taken more than once.
        clip_len: Frames wanted, T.
        num_clips: How many samples; in testing the parts' inner points are spread evenly.
        rng: Source of chance, in training; None, as in testing, draws nothing at random.

    Returns:
        (num_clips, T) int64, not falling along T, from 0 to N - 1.
    """
    _check(num_frames, clip_len, num_clips, 'uniform')
    if rng is None:
        inside = np.broadcast_to((np.arange(num_clips) + 0.5) / num_clips, (clip_len, num_clips)).T
    else:
        inside = rng.random((num_clips, clip_len))
    frames = (np.arange(clip_len) + inside) * num_frames / clip_len
    return np.minimum(frames.astype(np.int64), num_frames - 1)


def sample_span(
    seconds: Sequence[float] | np.ndarray,
    clip_len: int,
    span_seconds: float,
    num_clips: int = 1,
    *,
    short_clip: str = 'repeat_last',
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Sample by time, so that clips of any frame rate show the same span.

    A span of S seconds is cut into T equal steps; the sample has the frames on show when they
    begin. T frames at interval I of a video with F frames a second are a span of T I / F seconds.

    Args:
        seconds: (N,) when each frame is shown, rising.
        clip_len: Frames wanted, T.
        span_seconds: Length of the span, S.
        num_clips: As in `sample_frames`.
        short_clip: What to do where the span does not fit.
        rng: Source of chance, in training; None, as in testing, draws nothing at random.

    Returns:
        (num_clips, T) int64, not falling along T, from 0 to N - 1.

    Raises:
        ClipTooShortError: The span does not fit and the rule is ``error``.
    """
    times = np.asarray(seconds, dtype=np.float64)
    num_frames = len(times)
    _check(num_frames, clip_len, num_clips, short_clip)
    if not span_seconds > 0:
        raise ValueError(f'span_seconds must be above 0, got {span_seconds}')
    step = span_seconds / clip_len
    # The last frame is on show for as long as the others are on average.
    frame_seconds = (times[-1] - times[0]) / (num_frames - 1) if num_frames > 1 else 0.0
    # The last step must begin while the last frame is on show.
    room = (times[-1] - times[0]) + frame_seconds - step * (clip_len - 1)
    if room <= _TIME_TOLERANCE and clip_len > 1:
        if short_clip == 'error':
            raise ClipTooShortError(
                f'lasts {times[-1] - times[0] + frame_seconds:.3f} s; '
                f'{clip_len} steps of {step:.3f} s do not fit'
            )
        if short_clip == 'uniform':
            return sample_uniformly(num_frames, clip_len, num_clips, rng=rng)
        if short_clip == 'shrink_interval':
            step = (times[-1] - times[0]) / (clip_len - 1)
    if rng is None:
        starts = _spread(max(room - frame_seconds, 0.0), num_clips)
    else:
        starts = _one_in_each_part(max(room, 0.0), num_clips, rng)
    moments = times[0] + starts[:, None] + np.arange(clip_len) * step
    return frames_on_show(times, moments)


def frames_on_show(seconds: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """The frame that is shown at each moment: the last one that began, or the first.

    Args:
        seconds: (N,) when each frame begins, rising.
        moments: Any shape, seconds.

    Returns:
        Frame numbers in the shape of ``moments``, int64.
    """
    # A frame that begins a rounding error later than the moment is meant.
    began = np.searchsorted(seconds, moments + _TIME_TOLERANCE, side='right') - 1
    return np.clip(began, 0, len(seconds) - 1).astype(np.int64)


def frames_between(
    seconds: np.ndarray, start_seconds: float | None, end_seconds: float | None
) -> tuple[int, int]:
    """The frames of a part of a video.

    Args:
        seconds: (N,) when each frame begins, rising.
        start_seconds: Start of the part; None is the beginning.
        end_seconds: End of the part, exclusive; None is the end.

    Returns:
        Number of the first frame that begins in the part, and of the first one after it.

    Raises:
        ValueError: No frame begins in it.
    """
    edges = [0.0 if start_seconds is None else start_seconds, end_seconds]
    first, stop = (
        len(seconds) if edge is None else int(np.searchsorted(seconds, edge - _TIME_TOLERANCE))
        for edge in edges
    )
    if first >= stop:
        end = 'the end' if end_seconds is None else f'{end_seconds} s'
        raise ValueError(
            f'there is no frame from {edges[0]} s to {end}; its frames are shown from '
            f'{seconds[0]:g} s to {seconds[-1]:.3f} s'
        )
    return first, stop


def _check(num_frames: int, clip_len: int, num_clips: int, short_clip: str) -> None:
    counts = {'num_frames': num_frames, 'clip_len': clip_len, 'num_clips': num_clips}
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f'{name} must be at least 1, got {count}')
    if short_clip not in SHORT_CLIP_RULES:
        raise ValueError(f'short_clip must be one of {SHORT_CLIP_RULES}, got {short_clip!r}')


def _spread(room: float, num: int) -> np.ndarray:
    """(num,) starts from 0 to ``room``; one alone lies in the middle."""
    return np.array([room / 2]) if num == 1 else np.linspace(0, room, num)


def _one_in_each_part(room: float, num: int, rng: np.random.Generator) -> np.ndarray:
    """(num,) starts from 0 to below ``room``, one drawn in each of ``num`` equal parts."""
    return (np.arange(num) + rng.random(num)) * (room / num)
