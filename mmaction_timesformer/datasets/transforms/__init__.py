"""From a file name to a clip's frames: open, choose, decode."""

from .decode_frames import DecodeFrames
from .open_video import OpenVideo
from .sample_clip import SampleClip

__all__ = ['DecodeFrames', 'OpenVideo', 'SampleClip']
