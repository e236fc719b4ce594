"""What happens to a batch before the backbone sees it."""

from mmaction_timesformer.models.data_preprocessors.motion import MotionDataPreprocessor

__all__ = ['MotionDataPreprocessor']
