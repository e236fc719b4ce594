"""The recipes that a row can name: from training clips to probabilities of the clips left out.

Whatever a recipe chooses, it chooses on cameras among its training clips that it leaves out in
turn; the camera that is scored takes no part.

Legend: N training clips, M clips to predict, F features, K classes, V views.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmaction_timesformer.engine.loops.choosing import Rows
from mmaction_timesformer.models.heads.closed_form_head import OVER_SPACE, OVER_TIME
from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.spec import Row

SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Task:
    """One fold for one row.

    Attributes:
        row: The recipe.
        clips: All clips of the study.
        fold: Which to learn from and which to predict.
        arrays: Of each view, the arrays of `FeatureStore` that the row needs.
        seed: Of what is drawn at random.
        trained: Models of ``pixels`` by what they were trained with; rows of a study share them.
    """

    row: Row
    clips: StudyClips
    fold: Fold
    arrays: tuple[dict[str, np.ndarray], ...]
    seed: int = 0
    trained: dict[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.clips.classes)

    def features(self, view: int = 0) -> np.ndarray:
        """(clips, F) features of all clips in a view."""
        arrays, row = self.arrays[view], self.row
        if row.features == 'thumbnails':
            return self._centred(arrays['thumbnails'])
        frames = arrays[f'frames{row.stage}']
        summaries = np.split(frames, len(OVER_SPACE), axis=2)
        chosen = [summaries[list(OVER_SPACE).index(name)] for name in row.over_space]
        # The same functions as the head's; they want tensors.
        import torch

        tensor = torch.from_numpy(np.concatenate(chosen, axis=2))
        parts = [OVER_TIME[name](tensor) for name in row.over_time]
        return self._centred(torch.cat(parts, dim=1).double().numpy())

    def _centred(self, features: np.ndarray) -> np.ndarray:
        if not self.row.centred:
            return features
        features = features - features.mean(axis=0)
        for name in np.unique(self.clips.groups):
            camera = self.clips.groups == name
            features[camera] -= features[camera].mean(axis=0)
        return features

    def training_rows(self) -> Rows:
        """All views of the training clips."""
        train = self.fold.train
        views = range(len(self.arrays))
        return Rows(
            np.concatenate([self.features(view)[train] for view in views]),
            np.tile(self.clips.labels[train], len(views)),
            np.unique(np.tile(self.clips.groups[train], len(views)), return_inverse=True)[1],
            np.full(len(train) * len(views), 1 / len(views)),
        )


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """(N,) weights by which all classes weigh the same; their mean is 1."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])


def majority(task: Task) -> np.ndarray:
    """Shares of the classes among the training clips."""
    labels = task.clips.labels[task.fold.train]
    shares = np.bincount(labels, minlength=task.num_classes) / len(labels)
    return np.tile(shares, (len(task.fold.test), 1))


def neighbour(task: Task) -> np.ndarray:
    """The class of the nearest training clip, for sure."""
    features = task.features()
    mean, deviation = _moments(features[task.fold.train])
    features = (features - mean) / deviation
    train, test = features[task.fold.train], features[task.fold.test]
    products = test @ train.T
    nearest = (np.square(train).sum(axis=1) - 2 * products).argmin(axis=1)
    return np.eye(task.num_classes)[task.clips.labels[task.fold.train][nearest]]


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    deviation = features.std(axis=0)
    return features.mean(axis=0), np.where(deviation < SMALLEST_DEVIATION, np.inf, deviation)
