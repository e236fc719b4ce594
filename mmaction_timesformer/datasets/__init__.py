"""Annotated videos and raw frames for mmaction2, and the transforms that read them."""

from .labeled_raw_frames import LabeledRawframeDataset
from .labeled_videos import LabeledVideoDataset
from .railway_yard import RailwayYardDataset
from .transforms import DecodeFrames, OpenVideo, SampleClip

__all__ = [
    'DecodeFrames',
    'LabeledRawframeDataset',
    'LabeledVideoDataset',
    'OpenVideo',
    'RailwayYardDataset',
    'SampleClip',
]
