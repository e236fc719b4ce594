"""Clips that cannot be read or are damaged: the errors that say so, and counts of all workers."""

import logging
import traceback

import torch
from mmengine.dist import get_rank
from mmengine.logging import print_log

from video_clips.reading.video import VideoError

_DECODERS = ('av', 'cv2', 'decord')
# Who calls them to read. Others do so too: a flip or a resize is cv2's as well.
_READERS = (
    'mmaction.datasets.transforms.loading',
    'mmaction_timesformer.datasets.transforms.decode_frames',
    'mmaction_timesformer.datasets.transforms.open_video',
    'mmcv.image.io',
)


def why_unreadable(error: Exception, name: str) -> VideoError | None:
    """The error of a pipeline as one that names the file, if it is about a file at all.

    Args:
        error: What a transform raised: this project's, mmaction2's Decord or raw-frame transforms.
        name: The clip's file or folder.

    Returns:
        The error with file and reason; None if it is a mistake in the code or the config.
    """
    if isinstance(error, VideoError):
        return error
    if isinstance(error, OSError):
        missing = f' ({error.filename})' if error.filename else ''
        return VideoError(name, f'{error.strerror or error}{missing}')
    if _comes_from_a_decoder(error):
        text = str(error).strip()
        return VideoError(name, text.splitlines()[-1] if text else type(error).__name__)
    return None


def _comes_from_a_decoder(error: Exception) -> bool:
    """Whether the error is a decoder's own, or was raised in its Python code, while reading."""
    modules = [
        frame.f_globals.get('__name__', '') for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    origins = [type(error).__module__, *modules[-1:]]
    return not set(_READERS).isdisjoint(modules) and any(
        module.partition('.')[0] in _DECODERS for module in origins
    )


def _warn(text: str) -> None:
    # Processes of other ranks show nothing below errors.
    level = logging.WARNING if get_rank() == 0 else logging.ERROR
    print_log(text, logger='current', level=level)


class UnreadableClips:
    """Counts unreadable and damaged clips over all workers of a data loader and logs each once.

    Args:
        num_clips: How many clips the dataset has.
    """

    def __init__(self, num_clips: int) -> None:
        self._times = torch.zeros(num_clips, dtype=torch.int32).share_memory_()
        self._is_damaged = torch.zeros(num_clips, dtype=torch.bool).share_memory_()

    def note(self, index: int, error: VideoError) -> None:
        """Count a clip; log it if it is the first time."""
        self._times[index] += 1
        if self._times[index] == 1:
            _warn(
                f'{error}. Another clip takes its place; {self.num_clips} of {len(self._times)} '
                'clips could not be read so far.'
            )

    def note_damage(self, index: int, name: str, num_frames: int) -> None:
        """Count a clip with frames that the decoder marks as damaged; log it the first time."""
        if not self._is_damaged[index]:
            self._is_damaged[index] = True
            _warn(
                f'{name}: the decoder marks {num_frames} frames as damaged. They are used as they '
                f'are; {self.num_damaged} of {len(self._times)} clips have such frames so far.'
            )

    @property
    def num_damaged(self) -> int:
        """Number of clips with damaged frames so far."""
        return int(self._is_damaged.sum())

    @property
    def num_clips(self) -> int:
        """How many different clips could not be read so far."""
        return int(self._times.count_nonzero())

    @property
    def num_times(self) -> int:
        """How often another clip had to take the place of one."""
        return int(self._times.sum())
