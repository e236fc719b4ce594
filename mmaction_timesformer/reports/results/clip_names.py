"""Which video a prediction is of: its name and recording, also where the dump has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmaction_timesformer.evaluation import Predictions
from mmaction_timesformer.inference.pixel_mapping import TracedClip
from mmaction_timesformer.inference.trained_model import TrainedModel, test_dataset
from mmaction_timesformer.registry import DATASETS


def with_clip_names(predictions: Predictions, config: Config) -> Predictions:
    """Name the clips of predictions after the test annotations of a config.

    A pipeline keeps in its data samples what ``PackActionInputs(meta_keys=...)`` lists. Where that
    is not ``filename``, as in mmaction2's own configs, a dump holds scores alone; it is then taken
    to be in the order of the annotations, if number and labels of the clips agree.

    Args:
        predictions: From a dump.
        config: Of the run.

    Returns:
        The predictions, with ``filename`` and, where known, ``recording``; unchanged if they have
        names, or if the annotations cannot be read or do not agree.
    """
    if has_names(predictions):
        return predictions
    found = _annotated(config)
    if found is None or len(found) != len(predictions):
        return predictions
    if not predictions.multi_label:
        labels = np.array([info.get('label', -1) for info in found])
        if (labels != predictions.labels).any():
            return predictions
    kept = ('filename', 'frame_dir', 'recording', 'start_seconds', 'end_seconds')
    known = [key for key in kept if any(info.get(key) is not None for info in found)]
    names = pd.DataFrame({key: [info.get(key) for info in found] for key in known})
    return replace(predictions, clips=pd.concat([predictions.clips, names], axis=1))


def has_names(predictions: Predictions) -> bool:
    """Whether the clips' files are known."""
    return 'filename' in predictions.clips or 'frame_dir' in predictions.clips


def read_clip(trained: TrainedModel, predictions: Predictions, row: int) -> TracedClip:
    """Read a clip's frames as the model gets them.

    Raises:
        FileNotFoundError: Its file is not there.
        ValueError: Its file is not known, or cannot be decoded.
    """
    clip = predictions.clips.iloc[row]
    for key in ('filename', 'frame_dir'):
        if pd.notna(name := clip.get(key)):
            part = clip.reindex(['start_seconds', 'end_seconds'])
            seconds = {end: None if pd.isna(at) else float(at) for end, at in part.items()}
            return trained.read(name, **seconds)
    raise ValueError(f'the file of clip {row} is not known')


def _annotated(config: Config) -> list[dict[str, Any]] | None:
    init_default_scope(config.get('default_scope', 'mmaction'))
    description = test_dataset(config).to_dict() | dict(pipeline=[])
    try:
        dataset = DATASETS.build(description)
        return [dataset.get_data_info(index) for index in range(len(dataset))]
    # The data may lie elsewhere by now; the report does without names then.
    except (OSError, ValueError, KeyError, TypeError):
        return None
