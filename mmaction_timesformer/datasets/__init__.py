"""Annotated videos and raw frames for mmaction2, and the transforms that read them."""

from mmaction_timesformer.datasets.labeled_raw_frames import LabeledRawframeDataset
from mmaction_timesformer.datasets.labeled_videos import LabeledVideoDataset
from mmaction_timesformer.datasets.railway_yard import RailwayYardDataset
from mmaction_timesformer.datasets.transforms import DecodeFrames, OpenVideo, SampleClip

__all__ = [
    'DecodeFrames',
    'LabeledRawframeDataset',
    'LabeledVideoDataset',
    'OpenVideo',
    'RailwayYardDataset',
    'SampleClip',
]
