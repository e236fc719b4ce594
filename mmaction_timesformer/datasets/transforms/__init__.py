"""From a file name to a clip's frames: open, choose, decode; and their augmentation."""

from mmaction_timesformer.datasets.transforms.camera_augment import CameraAugment
from mmaction_timesformer.datasets.transforms.decode_frames import DecodeFrames
from mmaction_timesformer.datasets.transforms.open_video import OpenVideo
from mmaction_timesformer.datasets.transforms.rand_augment import RandAugment
from mmaction_timesformer.datasets.transforms.sample_clip import SampleClip

__all__ = ['CameraAugment', 'DecodeFrames', 'OpenVideo', 'RandAugment', 'SampleClip']
