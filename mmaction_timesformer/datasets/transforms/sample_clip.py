"""Choose a clip's frames without wrapping, where mmaction2 has ``SampleFrames``."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.video import VideoError
from video_clips.sampling import (
    SHORT_CLIP_RULES,
    ClipTooShortError,
    sample_frames,
    sample_span,
    sample_uniformly,
)


@TRANSFORMS.register_module()
class SampleClip(BaseTransform):
    """Choose frames at an interval, over a span of time, or evenly over the whole clip.

    mmaction2's ``SampleFrames`` wraps a clip that is too short (0, 32, 4, 36, ... for 60 frames),
    so what the model sees runs back and forth; here time only goes forward.

    Required keys: ``total_frames``, ``start_index``; for a span of time also ``frame_seconds``
    (from `OpenVideo`) or ``avg_fps``.

    Added keys: ``frame_inds`` (num_clips * clip_len,), ``clip_len``, ``frame_interval``,
    ``num_clips``; where times are known, ``clip_seconds`` (num_clips * clip_len,), when the chosen
    frames are shown. `PackActionInputs(meta_keys=('clip_seconds',))` gives it to the model.

    Args:
        clip_len: Frames that the model sees at once.
        frame_interval: Distance from one to the next in frames.
        span_seconds: Time that they cover instead, the same for files of any frame rate; 8 frames
            at interval 32 of 25 a second are 10.24 s. With neither, the clip is cut into
            ``clip_len`` equal parts and gives one frame of each.
        num_clips: How many samples of one clip.
        out_of_bound: What to do with a clip that is too short: ``repeat_last`` frame,
            ``shrink_interval`` until all frames fit, ``uniform`` (one frame of each equal part), or
            ``error``.
        test_mode: Take the middle, or spread several samples evenly, in place of drawing at random.

    Raises:
        VideoError: The clip is too short and the rule is ``error``.
    """

    def __init__(
        self,
        clip_len: int,
        frame_interval: int | None = None,
        span_seconds: float | None = None,
        num_clips: int = 1,
        out_of_bound: str = 'repeat_last',
        test_mode: bool = False,
    ) -> None:
        if frame_interval is not None and span_seconds is not None:
            raise ValueError(
                f'give frame_interval ({frame_interval}) or span_seconds ({span_seconds}), not both'
            )
        if out_of_bound not in SHORT_CLIP_RULES:
            raise ValueError(
                f'out_of_bound must be one of {SHORT_CLIP_RULES}, got {out_of_bound!r}'
            )
        self.clip_len = clip_len
        self.frame_interval = frame_interval
        self.span_seconds = span_seconds
        self.num_clips = num_clips
        self.out_of_bound = out_of_bound
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Choose the frames."""
        try:
            frames = self._sample(results)
        except ClipTooShortError as error:
            name = results.get('filename') or results.get('frame_dir', 'clip')
            raise VideoError(name, str(error)) from None
        results['frame_inds'] = (frames.reshape(-1) + results['start_index']).astype(np.int32)
        if 'frame_seconds' in results or results.get('avg_fps'):
            results['clip_seconds'] = self._seconds(results)[frames.reshape(-1)]
        results['clip_len'] = self.clip_len
        results['frame_interval'] = self.frame_interval
        results['num_clips'] = self.num_clips
        return results

    def _sample(self, results: dict) -> np.ndarray:
        """(num_clips, clip_len) numbers of frames, from 0 at the first of the clip."""
        num_frames = results['total_frames']
        # Seeded from NumPy's global generator, which mmengine seeds in each worker.
        rng = None if self.test_mode else np.random.default_rng(np.random.randint(2**31))
        if self.span_seconds is not None:
            return sample_span(
                self._seconds(results),
                self.clip_len,
                self.span_seconds,
                self.num_clips,
                short_clip=self.out_of_bound,
                rng=rng,
            )
        if self.frame_interval is not None:
            return sample_frames(
                num_frames,
                self.clip_len,
                self.frame_interval,
                self.num_clips,
                short_clip=self.out_of_bound,
                rng=rng,
            )
        return sample_uniformly(num_frames, self.clip_len, self.num_clips, rng=rng)

    @staticmethod
    def _seconds(results: dict) -> np.ndarray:
        if 'frame_seconds' in results:
            return results['frame_seconds']
        if not results.get('avg_fps'):
            raise ValueError(
                'span_seconds needs to know when frames are shown: put OpenVideo before '
                'SampleClip, or for raw frames give the dataset their fps'
            )
        return np.arange(results['total_frames']) / results['avg_fps']

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_len={self.clip_len}, '
            f'frame_interval={self.frame_interval}, span_seconds={self.span_seconds}, '
            f'num_clips={self.num_clips}, out_of_bound={self.out_of_bound!r}, '
            f'test_mode={self.test_mode})'
        )
