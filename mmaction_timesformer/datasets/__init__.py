"""Annotated videos and raw frames for mmaction2, and the transforms that read them."""

from mmaction_timesformer.datasets.group_sampler import GroupBalancedSampler
from mmaction_timesformer.datasets.labeled_raw_frames import LabeledRawframeDataset
from mmaction_timesformer.datasets.labeled_videos import LabeledVideoDataset
from mmaction_timesformer.datasets.railway_yard import RailwayYardDataset
from mmaction_timesformer.datasets.transforms import DecodeFrames, OpenVideo, SampleClip
from mmaction_timesformer.datasets.unlabelled_videos import UnlabelledVideoDataset
from mmaction_timesformer.datasets.untrimmed_features import (
    LabeledRecording,
    LabelRule,
    VideoFeatures,
    WindowSampler,
    label_recording,
)

__all__ = [
    'DecodeFrames',
    'GroupBalancedSampler',
    'LabelRule',
    'LabeledRawframeDataset',
    'LabeledRecording',
    'LabeledVideoDataset',
    'OpenVideo',
    'RailwayYardDataset',
    'SampleClip',
    'UnlabelledVideoDataset',
    'VideoFeatures',
    'WindowSampler',
    'label_recording',
]
