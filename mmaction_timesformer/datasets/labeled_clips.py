"""Base of labelled videos and raw frames: classes, and clips that cannot be read."""

from collections.abc import Callable, Sequence
from typing import Any

from mmaction.datasets.base import BaseActionDataset
from mmengine.dataset import BaseDataset

from mmaction_timesformer.datasets.unreadable import UnreadableClips, why_unreadable
from video_clips.labels import Label, as_indices
from video_clips.reading.video import VideoError

ON_ERROR = ('raise', 'skip')


class LabeledClipDataset(BaseActionDataset):
    """Base of datasets whose labels are checked and whose damaged clips never end an epoch.

    Args:
        ann_file: The annotation file, below ``data_root``.
        pipeline: Transforms, as configs or callables.
        data_prefix: Folder of the files, below ``data_root``, under ``prefix_key``.
        prefix_key: What mmaction2 calls such files: ``video`` or ``img``.
        classes: Class names in index order, or a text file with one a line. Short for
            ``metainfo=dict(classes=...)``.
        metainfo: mmengine's; its ``classes`` are the class names.
        multi_class: Whether clips have any number of labels, as mmaction2 calls it.
        num_classes: Needed with ``multi_class`` if there are no class names.
        test_mode: Whether this is for validation or testing.
        on_error: ``'raise'`` names a clip that cannot be read, and why; ``'skip'`` takes another
            one at random, logs each such clip once and counts them. By default training skips and
            testing raises, since a test on other clips is another test.
        max_refetch: After how many unreadable clips in a row to give up all the same.
        start_index: Number of the first frame.
        modality: ``'RGB'``, or ``'Flow'`` for raw frames.
        **kwargs: ``data_root``, ``filter_cfg``, ``indices``, ``serialize_data``, ``lazy_init`` of
            mmengine's ``BaseDataset``.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None,
        prefix_key: str,
        classes: Sequence[str] | str | None = None,
        metainfo: dict | None = None,
        multi_class: bool = False,
        num_classes: int | None = None,
        test_mode: bool = False,
        on_error: str | None = None,
        max_refetch: int = 30,
        start_index: int = 0,
        modality: str = 'RGB',
        **kwargs: Any,
    ) -> None:
        if on_error not in (None, *ON_ERROR):
            raise ValueError(f'on_error must be one of {ON_ERROR}, got {on_error!r}')
        self.on_error = on_error or ('raise' if test_mode else 'skip')
        data_prefix = data_prefix or {prefix_key: ''}
        if list(data_prefix) != [prefix_key]:
            raise ValueError(f'data_prefix must be dict({prefix_key}=...), got {dict(data_prefix)}')
        if classes is not None:
            metainfo = {**(metainfo or {}), 'classes': classes}
        super().__init__(
            ann_file,
            pipeline=pipeline,
            data_prefix=data_prefix,
            metainfo=metainfo,
            multi_class=multi_class,
            num_classes=num_classes,
            test_mode=test_mode,
            max_refetch=max_refetch,
            start_index=start_index,
            modality=modality,
            **kwargs,
        )

    num_classes: int | None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names in index order, or indices in their place if only their number is known."""
        names = self._metainfo.get('classes')
        if isinstance(names, str):
            raise FileNotFoundError(f'{names}: no such file of class names')
        if names is not None:
            return tuple(names)
        return None if self.num_classes is None else tuple(map(str, range(self.num_classes)))

    def full_init(self) -> None:
        """Read the annotations, once."""
        if self._fully_initialized:
            return
        classes, name = self.classes, type(self).__name__
        if classes is None and self.multi_class:
            raise ValueError(f'{name}: multi_class needs classes or num_classes')
        if classes is not None:
            if self.num_classes not in (None, len(classes)):
                raise ValueError(
                    f'{name}: num_classes is {self.num_classes}, there are {len(classes)} classes'
                )
            self.num_classes = len(classes)
        super().full_init()
        self.unreadable = UnreadableClips(len(self))

    def label_for_training(self, name: str, label: Label) -> int | list[int]:
        """The label as mmaction2's pipelines take it: -1, or none of several, without one.

        Raises:
            ValueError: A clip to train on has no label.
        """
        if label is None and not self.test_mode:
            raise ValueError(
                f'{self.ann_file}: {name} has no label; only a dataset with test_mode=True may '
                'have clips without'
            )
        if self.multi_class:
            return list(as_indices(label))
        return -1 if label is None else as_indices(label)[0]

    def get_cat_ids(self, idx: int) -> list[int]:
        """Classes of a clip, for mmengine's ``ClassBalancedDataset``."""
        label = BaseDataset.get_data_info(self, idx)['label']
        return [index for index in (label if self.multi_class else [label]) if index >= 0]

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline on a clip; None if it cannot be read and is to be skipped.

        Raises:
            VideoError: It cannot be read, and ``on_error`` is ``'raise'``.
        """
        clip = self.get_data_info(idx)
        try:
            data = self.pipeline(clip)
            if num_damaged := clip.get('num_damaged_frames'):
                self.unreadable.note_damage(clip['sample_idx'], clip['filename'], num_damaged)
            return data
        except Exception as error:
            problem = why_unreadable(error, clip.get('filename') or clip.get('frame_dir', ''))
            if problem is None:
                raise
            if self.on_error == 'raise':
                raise problem from error
            self.unreadable.note(clip['sample_idx'], problem)
            return None

    def __getitem__(self, idx: int) -> dict:
        """A clip after its pipeline, or another one in its place.

        Raises:
            VideoError: It cannot be read, and ``on_error`` is ``'raise'``, or neither can
                ``max_refetch`` others.
        """
        self.full_init()
        for _ in range(self.max_refetch + 1):
            data = self.prepare_data(idx)
            if data is not None:
                return data
            idx = self._rand_another()
        raise VideoError(
            self.ann_file,
            f'{self.max_refetch + 1} clips in a row cannot be read (see the log); are data_root '
            f'and data_prefix {self.data_prefix} right?',
        )
