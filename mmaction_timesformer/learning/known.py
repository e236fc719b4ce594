"""Which clips a lineage has learned: its first model's training list, and corrections since."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmengine.registry import init_default_scope

from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import name_of, names_of, windows_of
from mmaction_timesformer.learning.features import span_seconds
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import CORRECTIONS
from mmaction_timesformer.registry import DATASETS
from video_clips.annotation_files import class_names_in, read_annotations
from video_clips.clip import Clip

_logger = logging.getLogger(__name__)


def known_clips(lineage: Lineage, trained: TrainedModel, classes: Sequence[str]) -> list[Clip]:
    """Clips that the model in use has learned, in windows; those whose files are gone are left out.

    They are read from where the training list has them: from the clip cache, if training was.

    Args:
        lineage: The lineage.
        trained: Its current model.
        classes: Names in index order; the first are those of the model.
    """
    span = span_seconds(trained)
    known = {name_of(clip): clip for clip in training_list(trained)}
    for model in ancestors(lineage):
        file = lineage.path(model) / CORRECTIONS
        if not file.is_file():
            continue
        names = class_names_in([file])
        for clip in read_annotations(file, names or None):
            for name in names_of(clip, span):
                known.pop(name, None)
            if clip.label is not None:
                label = classes.index(names[int(clip.label)])  # type: ignore[arg-type]
                known |= {name_of(w): replace(w, label=label) for w in windows_of(clip, span)}
    return [clip for clip in known.values() if os.path.exists(clip.path)]


def ancestors(lineage: Lineage) -> list[str]:
    """The models that led to the current one, the oldest first, it included."""
    found, left = [], [lineage.current.model]
    while left:
        model = left.pop()
        found.append(model)
        left += lineage.card(model).parents
    return found[::-1]


def training_list(trained: TrainedModel) -> list[Clip]:
    """The clips of a model's training list, with absolute paths; none where it is gone."""
    init_default_scope(trained.config.get('default_scope', 'mmaction'))
    dataset: dict[str, Any] = trained.config.train_dataloader.dataset.to_dict()
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    try:
        infos = list(DATASETS.build(dataset | dict(pipeline=[], test_mode=True)).load_data_list())
    except FileNotFoundError as error:
        _logger.warning('old clips are not shown again: %s', error)
        return []
    return [
        Clip(
            os.path.abspath(info['filename']),
            int(info['label']),
            info.get('recording'),
            info.get('start_seconds'),
            info.get('end_seconds'),
        )
        for info in infos
    ]
