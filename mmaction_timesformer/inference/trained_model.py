"""A trained recognizer as a tool needs it: model, pipeline, class names, where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmaction.models.recognizers import Recognizer3D
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

from mmaction_timesformer.datasets.unreadable import why_unreadable
from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.inference.checkpoint_config import read_checkpoint_config
from mmaction_timesformer.inference.pixel_mapping import TracedClip, trace
from mmaction_timesformer.inference.preparation import build_part
from mmaction_timesformer.inference.recognizer import build_recognizer, find_classes, read_weights
from mmaction_timesformer.registry import TRANSFORMS

FRAME_PATTERN = 'img_{:05}.jpg'
Result = TypeVar('Result')


@dataclass(frozen=True)
class TrainedModel:
    """A recognizer, its test pipeline and its classes.

    Attributes:
        model: On its device, in evaluation mode.
        config: Its config.
        classes: Names in index order.
        meta: What training wrote into the checkpoint beside the weights.
        digest: SHA-256 of the checkpoint.
    """

    model: Recognizer3D
    config: Config
    classes: tuple[str, ...]
    meta: Mapping[str, Any]
    digest: str

    @classmethod
    def load(
        cls, config: str | Path | Config | None, checkpoint: str | Path, device: str = 'cpu'
    ) -> TrainedModel:
        """Build the model of a config and load its weights.

        Args:
            config: A config or its file; None for the one that training wrote into the checkpoint.
            checkpoint: The weights.
            device: Where the model runs.

        Raises:
            FileNotFoundError: The config or the checkpoint is missing.
            ValueError: The checkpoint is damaged, holds no config where none is given, or does not
                fit the config.
        """
        if config is not None:
            config = as_config(config)
        state_dict, meta, digest = read_weights(checkpoint)
        if config is None:
            config = read_checkpoint_config(meta, checkpoint, state_dict)
        try:
            model = build_recognizer(config, state_dict, device)
        except ValueError as error:
            raise ValueError(f'{checkpoint}: {error}') from error
        num_classes = model.cls_head.num_classes
        try:
            classes = find_classes(config, meta, num_classes)
        except ValueError:
            classes = tuple(map(str, range(num_classes)))
        return cls(model, config, classes, meta, digest)

    @property
    def pipeline(self) -> Sequence[Any]:
        """Transforms of the test pipeline, built.

        Raises:
            ValueError: One of them cannot be built.
        """
        steps = test_dataset(self.config)['pipeline']
        return [build_part(TRANSFORMS.build, step) for step in steps]

    def read(self, video: str | Path, **part: float | None) -> TracedClip:
        """Run the test pipeline on a video file or a folder of frames.

        Args:
            video: The file or folder.
            part: ``start_seconds`` and ``end_seconds``, for a part of a file.

        Raises:
            FileNotFoundError: There is no such file.
            VideoError: It cannot be decoded.
        """
        return read_video(self.pipeline, test_dataset(self.config), video, **part)

    def predict(self, video: str | Path, **part: float | None) -> dict[str, float]:
        """Probability of each class in a video, averaged over the views of the test pipeline.

        Args:
            video: A video file or a folder of frames.
            part: ``start_seconds`` and ``end_seconds``, for a part of a file.

        Returns:
            Probabilities by class name, the most probable first.

        Raises:
            FileNotFoundError: There is no such file.
            VideoError: It cannot be decoded.
        """
        init_default_scope(self.config.get('default_scope', 'mmaction'))
        packed = run_pipeline(self.pipeline, test_dataset(self.config), video, **part)
        with torch.inference_mode():
            (sample,) = self.model.test_step(pseudo_collate([packed]))
        scores = dict(zip(self.classes, sample.pred_score.tolist(), strict=True))
        return dict(sorted(scores.items(), key=lambda item: -item[1]))

    def class_index(self, name: str | int) -> int:
        """A class by name or number.

        Raises:
            ValueError: There is none of this name.
        """
        if str(name) in self.classes:
            return self.classes.index(str(name))
        if str(name).isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise ValueError(f'{name!r} is none of the classes {list(self.classes)}')


def test_dataset(config: Config) -> ConfigDict:
    """The config of the test data, inside whatever wraps it.

    Raises:
        ValueError: The config has none.
    """
    dataset = (config.get('test_dataloader') or {}).get('dataset')
    while dataset is not None and 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    if dataset is None or 'pipeline' not in dataset:
        raise ValueError('the config has no test_dataloader.dataset with a pipeline')
    return dataset


def as_config(config: str | Path | Config) -> Config:
    """Read a config unless it is one already.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read as a config.
    """
    if isinstance(config, Config):
        return config
    return read_config(str(config))


def read_video(
    pipeline: Sequence[Any],
    dataset: Mapping[str, Any],
    video: str | Path,
    **part: float | None,
) -> TracedClip:
    """Run a test pipeline on a video file or a folder of frames; see :meth:`TrainedModel.read`."""
    return _reading(lambda info: trace(pipeline, info), dataset, video, **part)


def run_pipeline(
    pipeline: Sequence[Any],
    dataset: Mapping[str, Any],
    video: str | Path,
    **part: float | None,
) -> dict[str, Any]:
    """Make a model's inputs of a video; see :meth:`TrainedModel.predict`."""
    return _reading(Compose(pipeline), dataset, video, **part)


def _reading(
    read: Callable[[dict[str, Any]], Result],
    dataset: Mapping[str, Any],
    video: str | Path,
    **part: float | None,
) -> Result:
    """Call a function with what a dataset would say about a video, and name a broken file."""
    path = Path(video)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such video')
    info: dict[str, Any] = dict(label=-1, modality='RGB')
    if path.is_dir():
        pattern = dataset.get('filename_tmpl', FRAME_PATTERN)
        frames = len(list(path.glob(f'*{Path(pattern).suffix}')))
        if not frames:
            raise ValueError(f'{path}: the folder holds no frame *{Path(pattern).suffix}')
        start = dataset.get('start_index', 1)
        info |= dict(frame_dir=str(path), total_frames=frames, filename_tmpl=pattern)
    else:
        start = dataset.get('start_index', 0)
        info |= dict(filename=str(path))
        info |= {key: seconds for key, seconds in part.items() if seconds is not None}
    try:
        return read(info | dict(start_index=start))
    # Every decoder has errors of its own; those of a file are told from mistakes in the code.
    except Exception as error:
        problem = why_unreadable(error, str(path))
        if problem is None:
            raise
        raise problem from error
