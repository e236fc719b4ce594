"""Learning at once: a closed-form head takes corrections into its statistics and is solved again.

The result is that of one fit to everything: what came before, without what was taken back, and with
what was added, in any order.

Legend: N clips, F features, K classes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmaction_timesformer.engine.loops.closed_form import STATISTICS
from mmaction_timesformer.inference.checkpoint_config import read_checkpoint_config
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import (
    Corrections,
    name_of,
    names_of,
    windows_of,
)
from mmaction_timesformer.learning.features import FeatureReader, span_seconds
from mmaction_timesformer.models.checkpoints import find_checkpoint, read_checkpoint
from mmaction_timesformer.models.heads import ClosedFormHead
from video_clips.whole_files import written_beside

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@dataclass(frozen=True)
class Change:
    """One increment.

    Attributes:
        num_added: Clips that were new to the model.
        num_relabelled: Clips that it had learned before, now with these labels.
        num_forgotten: Clips that it had learned and that are left out now.
        unknown: Names of clips to forget that it keeps no rows of.
        new_classes: Classes that came in.
        new_cameras: Cameras that came in.
        feature_seconds: Time for the features of clips that were not at hand.
        fit_seconds: Time for the statistics and the fit.
    """

    num_added: int = 0
    num_relabelled: int = 0
    num_forgotten: int = 0
    unknown: tuple[str, ...] = ()
    new_classes: tuple[str, ...] = ()
    new_cameras: tuple[str, ...] = ()
    feature_seconds: float = 0.0
    fit_seconds: float = 0.0

    def __str__(self) -> str:
        parts = [
            f'{self.num_added} clips learned, {self.num_relabelled} relabelled, '
            f'{self.num_forgotten} forgotten',
            *(f'new class {name}' for name in self.new_classes),
            *(f'new camera {name}' for name in self.new_cameras),
            f'features {self.feature_seconds:.2f} s, fit {self.fit_seconds:.2f} s',
        ]
        return '; '.join(parts)


@dataclass
class Learner:
    """A model with a closed-form head that learns corrections.

    Attributes:
        trained: The model.
        content: The checkpoint as it was read.
        features: Reads clips.
    """

    trained: TrainedModel
    content: dict[str, Any]
    features: FeatureReader
    classes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        head = self.trained.model.cls_head
        if not isinstance(head, ClosedFormHead) or STATISTICS not in self.content:
            raise ValueError(
                f'learning at once needs a ClosedFormHead with its statistics, this model has '
                f'{type(head).__name__}: learn overnight'
            )
        if head.residual is not None:
            raise ValueError('a transformer corrects this head: learn overnight')
        head.load_statistics(self.content[STATISTICS])
        self.classes = self.trained.classes

    @classmethod
    def open(cls, checkpoint: str | Path, cache: Path | None = None) -> Learner:
        """Read a checkpoint.

        Args:
            checkpoint: The file, or a folder with one.
            cache: Folder of features, see `FeatureReader`.

        Raises:
            ValueError: It has another head, or no statistics.
        """
        file = find_checkpoint(Path(checkpoint))
        trained = TrainedModel.load(None, file)
        return cls(trained, read_checkpoint(file), FeatureReader(trained, cache))

    @property
    def head(self) -> ClosedFormHead:
        """The head."""
        return self.trained.model.cls_head

    @property
    def views(self) -> int:
        """How often training showed a clip; a correction counts as much as one."""
        return int((self.trained.config.get('train_cfg') or {}).get('max_epochs', 1))

    def learn(self, corrections: Corrections) -> Change:
        """Take corrections in and solve; what was learned of the same clips before is replaced.

        Args:
            corrections: Their classes begin with those of the model.

        Raises:
            ValueError: The classes are others.
            VideoError: A clip cannot be decoded; nothing is learned then.
        """
        if corrections.classes[: len(self.classes)] != self.classes:
            raise ValueError(
                f'the corrections have the classes {list(corrections.classes)}, which do not '
                f'begin with those of the model, {list(self.classes)}'
            )
        started = time.perf_counter()
        labelled = [clip for clip in corrections.clips if clip.label is not None]
        span = span_seconds(self.trained)
        parts = [part for clip in labelled for part in windows_of(clip, span)]
        rows = self.features(parts).mean(axis=1)
        read = time.perf_counter()
        change = self.make_room(corrections)
        weights = np.full(len(rows), float(self.views))
        names = [name_of(part) for part in parts]
        labels = [int(part.label) for part in parts]  # type: ignore[arg-type]
        self.head.update(rows, labels, weights, names)
        self.head.recordings |= {
            name_of(part): part.recording for part in parts if part.recording is not None
        }
        self.head.fit()
        seconds = dict(feature_seconds=read - started, fit_seconds=time.perf_counter() - read)
        return Change(**{**vars(change), **seconds})

    def make_room(self, corrections: Corrections) -> Change:
        """Forget what was learned of these clips, and take in their classes."""
        span = span_seconds(self.trained)
        known = {name for *_, names in self.head.statistics.kept() for name in names}
        names = {clip: names_of(clip, span) for clip in corrections.clips}
        is_known = {clip: bool(known & found) for clip, found in names.items()}
        labelled = [clip for clip in corrections.clips if clip.label is not None]
        others = [clip for clip in corrections.clips if clip.label is None]
        cameras = {str(clip.recording) for clip in labelled if clip.recording is not None}
        change = Change(
            num_added=sum(not is_known[clip] for clip in labelled),
            num_relabelled=sum(is_known[clip] for clip in labelled),
            num_forgotten=sum(is_known[clip] for clip in others),
            unknown=tuple(name_of(clip) for clip in others if not is_known[clip]),
            new_classes=corrections.classes[len(self.classes) :],
            new_cameras=tuple(sorted(cameras - set(self.head.recordings.values()))),
        )
        self._grow(corrections.classes)
        self.head.statistics.forget(set().union(*names.values()))
        return change

    def _grow(self, classes: Sequence[str]) -> None:
        head = self.head
        head.num_classes = len(classes)
        head.statistics.grow(len(classes))
        if head.fc_cls.out_features < len(classes):
            head.fc_cls = torch.nn.Linear(head.fc_cls.in_features, len(classes))
        self.classes = tuple(classes)

    def save(self, file: str | Path) -> None:
        """Write a checkpoint that every tool takes, and that training can start from."""
        state = self.trained.model.state_dict()
        content = self.content | {
            'state_dict': state,
            STATISTICS: self.head.statistics_state(),
            'meta': meta_with_classes(self.content.get('meta') or {}, self.classes, state, file),
        }
        for gone in ('optimizer', 'param_schedulers', 'message_hub', 'ema_state_dict'):
            content.pop(gone, None)
        with written_beside(file) as partial:
            torch.save(content, partial)


def meta_with_classes(
    meta: Mapping[str, Any], classes: Sequence[str], weights: Mapping[str, Any], file: object = ''
) -> dict[str, Any]:
    """Metadata of a checkpoint, with these classes in its config too."""
    dataset_meta = dict(meta.get('dataset_meta') or {}, classes=tuple(classes))
    config = with_classes(read_checkpoint_config(meta, file, weights), classes)
    return dict(meta, dataset_meta=dataset_meta, cfg=config_text(config))


def with_classes(config: Config, classes: Sequence[str]) -> Config:
    """A config whose head and datasets have these classes."""
    values = config.to_dict()
    values['model']['cls_head']['num_classes'] = len(classes)
    for loader in LOADERS:
        dataset = (values.get(loader) or {}).get('dataset')
        while dataset is not None and 'dataset' in dataset:
            dataset = dataset['dataset']
        if dataset is not None:
            dataset.pop('classes', None)
            dataset.pop('num_classes', None)
            dataset['metainfo'] = {**(dataset.get('metainfo') or {}), 'classes': tuple(classes)}
    return Config(values)


def config_text(config: Config) -> str:
    """A config as lines that read back to it; much faster than mmengine's formatted text."""
    values = config.to_dict()
    return ''.join(f'{name} = {value!r}\n' for name, value in values.items() if name.isidentifier())
