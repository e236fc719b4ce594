"""What happens to a batch before the backbone sees it."""

from .motion import MotionDataPreprocessor

__all__ = ['MotionDataPreprocessor']
