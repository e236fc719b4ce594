"""What happens to a batch before the backbone sees it."""

from .motion import MotionDataPreprocessor
from .running_motion import RunningMotion

__all__ = ['MotionDataPreprocessor', 'RunningMotion']
