"""Decode the chosen frames, where mmaction2 has ``DecordDecode``."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.pictures import fit_short_side
from video_clips.reading.video import Video


@TRANSFORMS.register_module()
class DecodeFrames(BaseTransform):
    """Decode the frames that a sampler chose, upright and otherwise bit by bit as Decord does.

    Required keys: ``video_reader`` (from `OpenVideo`), ``frame_inds``.

    Added keys: ``imgs``, a list of (H, W, 3) uint8 RGB arrays; ``original_shape``, ``img_shape``
    (height, width); ``num_damaged_frames`` where the decoder has marked some as damaged. The video
    is closed.

    Args:
        short_side: Scale each picture so that its shorter side has this many pixels as soon as it
            is decoded, as mmaction2's ``Resize(scale=(-1, short_side))`` does later. It saves
            memory, and of large pictures some time.

    Raises:
        VideoError: The decoder fails before all frames are out.
    """

    def __init__(self, short_side: int | None = None) -> None:
        if short_side is not None and short_side < 1:
            raise ValueError(f'short_side must be at least 1 pixel, got {short_side}')
        self.short_side = short_side

    def transform(self, results: dict) -> dict:
        """Decode the frames."""
        results['frame_inds'] = np.asarray(results['frame_inds']).reshape(-1)
        video: Video = results['video_reader']
        try:
            imgs, original_shape = self._decode(video, results['frame_inds'])
            if video.num_damaged_frames:
                results['num_damaged_frames'] = video.num_damaged_frames
        finally:
            video.close()
            results['video_reader'] = None
        results['imgs'] = imgs
        results['original_shape'] = original_shape
        results['img_shape'] = imgs[0].shape[:2]
        return results

    def _decode(self, video: Video, frames: np.ndarray) -> tuple[list[np.ndarray], tuple[int, int]]:
        pictures: dict[int, np.ndarray] = {}
        original_shape = (0, 0)
        for number, picture in video.pictures(frames):
            original_shape = picture.shape[:2]
            pictures[number] = self._shrink(picture)
        imgs = []
        given = set()
        for number in frames.tolist():
            # Transforms that follow change pictures in place, and a frame may come twice.
            imgs.append(pictures[number].copy() if number in given else pictures[number])
            given.add(number)
        return imgs, original_shape

    def _shrink(self, picture: np.ndarray) -> np.ndarray:
        if self.short_side is None:
            return np.require(picture, requirements=['C', 'W'])
        height, width = picture.shape[:2]
        return mmcv.imresize(picture, fit_short_side(width, height, self.short_side))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(short_side={self.short_side})'
