"""Labelled video files, from a text list or a CSV."""

import os.path as osp
from collections.abc import Callable, Sequence
from typing import Any

from mmaction_timesformer.datasets.labeled_clips import LabeledClipDataset
from mmaction_timesformer.registry import DATASETS
from video_clips.annotation_files import Clip, read_annotations, recording_of


@DATASETS.register_module()
class LabeledVideoDataset(LabeledClipDataset):
    r"""Videos with labels of any class list.

    It reads the lists that mmaction2's ``VideoDataset`` reads and gives the same items
    (``filename``, ``label``). Beyond that, paths may contain spaces, labels may be class names and
    are checked, and a CSV can name recordings and parts of longer videos (``recording``,
    ``start_seconds``, ``end_seconds``), which `OpenVideo` honours.

    Args:
        ann_file: Text list or ``.csv``, see `video_clips.annotation_files`.
        pipeline: Transforms, as configs or callables.
        data_prefix: ``video``: folder of the videos, below ``data_root``.
        delimiter: What separates path and label in a text list; by default white space.
        recording_regex: Tells the recording from the file name where the annotations do not, for
            instance ``(?P<recording>rec\d+)``.
        **kwargs: Those of `LabeledClipDataset`.

    Raises:
        FileNotFoundError: There is no such annotation file.
        ValueError: Names the line of the annotation file that is wrong.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        delimiter: str | None = None,
        recording_regex: str | None = None,
        **kwargs: Any,
    ) -> None:
        # mmaction2's default for its own lists means white space, too.
        self.delimiter = None if delimiter == ' ' else delimiter
        self.recording_regex = recording_regex
        super().__init__(ann_file, pipeline, data_prefix, prefix_key='video', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the annotation file."""
        clips = read_annotations(
            self.ann_file, self.classes, self.multi_class, delimiter=self.delimiter
        )
        return [self._data_info(clip) for clip in clips]

    def _data_info(self, clip: Clip) -> dict:
        info: dict[str, Any] = {
            'filename': osp.join(self.data_prefix['video'], clip.path),
            'label': self.label_for_training(clip.path, clip.label),
        }
        recording = clip.recording
        if recording is None and self.recording_regex is not None:
            recording = recording_of(clip.path, self.recording_regex)
        optional = {
            'recording': recording,
            'start_seconds': clip.start_seconds,
            'end_seconds': clip.end_seconds,
        }
        return info | {key: value for key, value in optional.items() if value is not None}
