"""Labelled clips that lie as folders of numbered images."""

import os.path as osp
from collections.abc import Callable, Sequence
from typing import Any

from mmaction_timesformer.datasets.labeled_clips import LabeledClipDataset
from mmaction_timesformer.registry import DATASETS
from video_clips.raw_frames import read_raw_frame_list


@DATASETS.register_module()
class LabeledRawframeDataset(LabeledClipDataset):
    """Folders of images with labels of any class list.

    It reads the lists that mmaction2's ``RawframeDataset`` reads and gives the same items; folders
    may have spaces in their names, labels are checked, and a clip with a missing or broken image
    does not end an epoch. Its pipeline starts with `SampleClip` and ends reading with mmaction2's
    ``RawFrameDecode``.

    Args:
        ann_file: List of ``folder num_frames label`` lines.
        pipeline: Transforms, as configs or callables.
        data_prefix: ``img``: folder of the folders, below ``data_root``.
        filename_tmpl: Names of the images.
        with_offset: Whether a line has the number of images before the clip after its folder.
        fps: Frame rate at which the images were taken, for sampling by seconds.
        start_index: Number of the first image.
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
        filename_tmpl: str = 'img_{:05}.jpg',
        with_offset: bool = False,
        fps: float | None = None,
        start_index: int = 1,
        **kwargs: Any,
    ) -> None:
        self.filename_tmpl = filename_tmpl
        self.with_offset = with_offset
        self.fps = fps
        super().__init__(
            ann_file,
            pipeline,
            data_prefix,
            prefix_key='img',
            start_index=start_index,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Read the annotation file."""
        folders = read_raw_frame_list(
            self.ann_file, self.classes, self.multi_class, self.with_offset
        )
        infos = []
        for folder in folders:
            info: dict[str, Any] = {'frame_dir': osp.join(self.data_prefix['img'], folder.path)}
            if self.with_offset:
                info['offset'] = folder.first_frame
            info['total_frames'] = folder.num_frames
            info['label'] = self.label_for_training(folder.path, folder.label)
            infos.append(info)
        return infos

    def get_data_info(self, idx: int) -> dict:
        """Annotation of a clip."""
        info = super().get_data_info(idx)
        info['filename_tmpl'] = self.filename_tmpl
        if self.fps is not None:
            info['avg_fps'] = self.fps
        return info
