"""Pictures of a study's clips: as they are, as other cameras would take them, on other backgrounds.

Legend: N clips, T frames, H/W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import mmcv
import numpy as np
import torch
from einops import rearrange
from mmengine.dataset import Compose

from mmaction_timesformer.datasets.transforms import CameraAugment
from mmaction_timesformer.models.data_preprocessors.backgrounds import (
    BackgroundErase,
    median_frame,
    paste,
)
from mmaction_timesformer.studies.clips import StudyClips
from mmaction_timesformer.studies.spec import Study

GREY = 127
PASTE_THRESHOLD = 0.3 * 128
"""The default of ``ForegroundPaste``, in grey levels."""


def partner_of(clips: StudyClips, view: int, number: int) -> int:
    """The clip of another camera whose background a clip is pasted onto."""
    others = np.flatnonzero(clips.groups != clips.groups[number])
    return int(np.random.default_rng([view, number]).choice(others))


@dataclass
class PictureReader:
    """Frames of a clip at one size.

    Attributes:
        clips: The clips.
        study: Tells how frames are sampled.
        num_frames: T.
        size: Width and height.
        interpolation: mmcv's, for that size.
    """

    clips: StudyClips
    study: Study
    num_frames: int
    size: tuple[int, int]
    interpolation: str = 'bilinear'
    _backgrounds: dict[str, np.ndarray] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        sampling = dict(
            type='SampleClip',
            clip_len=self.num_frames,
            frame_interval=self.study.frame_interval,
            out_of_bound='shrink_interval',
            test_mode=True,
        )
        self._pipeline = Compose([dict(type='OpenVideo'), sampling, dict(type='DecodeFrames')])
        self._augment = CameraAugment()

    def read(self, number: int, view: int = 0, kind: str = 'camera') -> np.ndarray:
        """(T, H, W, 3) bytes of a clip; views behind the first are drawn for the clip and the view.

        Args:
            number: Of the clip.
            view: 0 as it is, others as other cameras would take it.
            kind: One of ``spec.PICTURES``, which changes those other views too; ``difference``
                changes the first.
        """
        frames = self._frames(number, view)
        if kind == 'difference':
            return from_background(frames, self._background(self.clips.groups[number]))
        if view and kind == 'erased':
            return erased(frames, seed=number)
        if view and kind == 'pasted':
            partner = self._frames(partner_of(self.clips, view, number), view)
            return pasted(frames, partner)
        return frames

    def _frames(self, number: int, view: int) -> np.ndarray:
        clip: dict[str, Any] = dict(filename=self.clips.files[number], start_index=0)
        clip = self._pipeline(clip)
        pictures = clip['imgs']
        if view:
            np.random.seed([view, number])
            pictures = self._augment.transform(clip)['imgs']
            if np.random.random() < 0.5:
                pictures = [picture[:, ::-1] for picture in pictures]
        pictures = [np.ascontiguousarray(picture) for picture in pictures]
        resized = [
            mmcv.imresize(picture, self.size, interpolation=self.interpolation)
            for picture in pictures
        ]
        return np.stack(resized)

    def _background(self, group: str) -> np.ndarray:
        """(H, W, 3) median of a camera's clips, a frame of each: no label takes part."""
        if group not in self._backgrounds:
            numbers = np.flatnonzero(self.clips.groups == group)
            frames = [self._frames(int(number), 0)[self.num_frames // 2] for number in numbers]
            self._backgrounds[group] = np.median(frames, axis=0)
        return self._backgrounds[group]


def from_background(frames: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) as their distance from a background (H, W, 3), around grey."""
    return (frames - background + GREY).clip(0, 255).round().astype(np.uint8)


def erased(frames: np.ndarray, seed: int) -> np.ndarray:
    """Frames (T, H, W, 3) as ``BackgroundErase`` changes them, all clips."""
    clips = rearrange(torch.from_numpy(frames).float(), 't h w c -> 1 1 c t h w')
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        changed, _ = BackgroundErase(chance=1.0)(clips, [])
    return _bytes(changed)


def pasted(frames: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) whose moving parts are on the background of a partner's."""
    clips = torch.from_numpy(np.stack([frames, partner])).float()
    both = rearrange(clips, 'b t h w c -> b 1 c t h w')
    background = median_frame(both)
    return _bytes(paste(both[:1], background[:1], background[1:], PASTE_THRESHOLD))


def _bytes(clips: torch.Tensor) -> np.ndarray:
    frames = rearrange(clips, '1 1 c t h w -> t h w c')
    return frames.clamp(0, 255).round().to(torch.uint8).numpy()
