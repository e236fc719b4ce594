"""A clip sampler as data: which frames it takes of a clip, and how many a clip must have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from video_clips.sampling import (
    SHORT_CLIP_RULES,
    ClipTooShortError,
    Mmaction2Sampler,
    frames_needed,
    sample_frames,
    sample_span,
    sample_uniformly,
)

RULES = ('loop', *SHORT_CLIP_RULES)
"""Rules for a clip that is too short; `loop` is mmaction2's default."""


@dataclass(frozen=True)
class SamplerSettings:
    """A clip sampler.

    Attributes:
        clip_len: Frames of a sample.
        frame_interval: Frames from one to the next; None spreads them over the whole clip.
        num_clips: Samples of a clip in testing.
        short_clip: One of `RULES`.
        target_fps: Frame rate for which the interval is meant; None takes the files' own.
        span_seconds: Time that the frames span, in place of an interval; None for an interval.
    """

    clip_len: int = 8
    frame_interval: int | None = 32
    num_clips: int = 1
    short_clip: str = 'loop'
    target_fps: float | None = None
    span_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.clip_len < 1 or (self.frame_interval is not None and self.frame_interval < 1):
            raise ValueError(
                f'clip length and frame interval are at least 1, got {self.clip_len} and '
                f'{self.frame_interval}'
            )
        if self.short_clip not in RULES:
            raise ValueError(
                f'{self.short_clip!r} is no rule for short clips; there are {", ".join(RULES)}'
            )

    @property
    def is_uniform(self) -> bool:
        """Whether the frames are spread over the whole clip, however long it is."""
        return self.frame_interval is None and not self.span_seconds

    @property
    def name(self) -> str:
        """Short, as in configs: clip length times interval."""
        if self.is_uniform:
            return f'{self.clip_len} frames spread over the clip'
        if self.span_seconds:
            return f'{self.clip_len} frames over {self.span_seconds:g} s, {self.short_clip}'
        rate = f' at {self.target_fps:g} fps' if self.target_fps else ''
        return f'{self.clip_len}×{self.frame_interval}{rate}, {self.short_clip}'


def needed_frames(settings: SamplerSettings, fps: pd.Series) -> pd.Series:
    """Frames that each clip must have to be sampled as the setting promises."""
    gaps = settings.clip_len - 1
    if settings.span_seconds:
        return np.floor(gaps * settings.span_seconds / settings.clip_len * fps) + 1
    interval = settings.frame_interval or 1
    if settings.target_fps:
        return np.floor(gaps * interval * fps / settings.target_fps) + 1
    return pd.Series(frames_needed(settings.clip_len, interval), index=fps.index)


def sample_indices(settings: SamplerSettings, num_frames: int, fps: float) -> np.ndarray:
    """The frames that a test takes of a clip; of the middle sample if there are several.

    A clip's frames are taken to be evenly spaced in time.

    Returns:
        (clip_len,) frame numbers. A clip that the rule `error` refuses gives none.
    """
    length, rule, number = settings.clip_len, settings.short_clip, settings.num_clips
    interval = settings.frame_interval or 1
    try:
        if settings.is_uniform:
            samples = sample_uniformly(num_frames, length, number)
        elif rule == 'loop' or settings.target_fps:
            sampler = Mmaction2Sampler(
                length,
                interval,
                number,
                out_of_bound_opt='loop' if rule == 'loop' else 'repeat_last',
                test_mode=True,
                target_fps=settings.target_fps,
            )
            samples = sampler.sample(num_frames, fps)
        elif settings.span_seconds:
            times, span = np.arange(num_frames) / fps, settings.span_seconds
            samples = sample_span(times, length, span, number, short_clip=rule)
        else:
            samples = sample_frames(num_frames, length, interval, number, short_clip=rule)
    except ClipTooShortError:
        return np.zeros(0, int)
    return samples[len(samples) // 2]
