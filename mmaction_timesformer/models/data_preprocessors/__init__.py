"""Data preprocessors."""

from mmaction_timesformer.models.data_preprocessors.backgrounds import (
    BackgroundErase,
    ForegroundPaste,
)
from mmaction_timesformer.models.data_preprocessors.motion import MotionDataPreprocessor
from mmaction_timesformer.models.data_preprocessors.running_motion import RunningMotion

__all__ = [
    'BackgroundErase',
    'ForegroundPaste',
    'MotionDataPreprocessor',
    'RunningMotion',
]
