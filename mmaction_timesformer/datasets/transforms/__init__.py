"""From a file name to a clip's frames: open, choose, decode; and their augmentation."""

from .decode_frames import DecodeFrames
from .open_video import OpenVideo
from .rand_augment import RandAugment
from .sample_clip import SampleClip

__all__ = ['DecodeFrames', 'OpenVideo', 'RandAugment', 'SampleClip']
