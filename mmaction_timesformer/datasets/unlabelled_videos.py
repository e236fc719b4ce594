"""Videos without labels, for what is learned before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine.dataset import BaseDataset

from mmaction_timesformer.registry import DATASETS
from video_clips.annotation_files import class_names_in, read_annotations
from video_clips.clip import VIDEO_SUFFIXES, real_path


@DATASETS.register_module()
class UnlabelledVideoDataset(BaseDataset):
    """All videos below a folder.

    Args:
        data_root: The folder.
        pipeline: Transforms, as configs or callables.
        views: How often an epoch comes to each video, for long ones.
        leave_out: Annotation files, whose videos are not seen: those of tests, so that a test
            stays one of videos, or cameras, that are new. Their paths are below the folder.

    Raises:
        FileNotFoundError: There is no such folder, or no video in it.
    """

    def __init__(
        self,
        data_root: str,
        pipeline: Sequence[dict | Callable],
        views: int = 1,
        leave_out: Sequence[str] = (),
    ) -> None:
        if views < 1:
            raise ValueError(f'views={views} must be at least 1')
        self.views = views
        self.leave_out = tuple(leave_out)
        super().__init__(ann_file='', data_root=data_root, pipeline=list(pipeline))

    def load_data_list(self) -> list[dict]:
        """Find the videos."""
        root = Path(self.data_root)
        classes = class_names_in(self.leave_out)
        left_out = {
            real_path(root / clip.path)
            for file in self.leave_out
            for clip in read_annotations(file, classes or None)
        }
        files = sorted(
            file
            for file in root.rglob('*')
            if file.suffix.lower() in VIDEO_SUFFIXES and real_path(file) not in left_out
        )
        if not files:
            raise FileNotFoundError(f'{root}: there is no video in this folder')
        return [
            dict(filename=str(file), start_index=0, modality='RGB')
            for file in files
            for _ in range(self.views)
        ]
