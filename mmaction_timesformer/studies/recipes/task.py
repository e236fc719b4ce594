"""The task of a recipe: one fold for one row.

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
from mmaction_timesformer.studies.pictures import partner_of
from mmaction_timesformer.studies.spec import Row


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

    def training_clips(self, view: int = 0) -> np.ndarray:
        """Numbers of the clips whose view is learned from.

        Views pasted onto the background of a clip that is left out are not.
        """
        train = self.fold.train
        if self.row.pictures != 'pasted' or view == 0:
            return train
        partners = [partner_of(self.clips, view, number) for number in train.tolist()]
        return train[np.isin(partners, train)]

    def training_rows(self) -> Rows:
        """All views of the training clips."""
        chosen = [self.training_clips(view) for view in range(len(self.arrays))]
        numbers = np.concatenate(chosen)
        return Rows(
            np.concatenate([self.features(view)[part] for view, part in enumerate(chosen)]),
            self.clips.labels[numbers],
            np.unique(self.clips.groups[numbers], return_inverse=True)[1],
            np.full(len(numbers), 1 / len(chosen)),
        )


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """(N,) weights by which all classes weigh the same; their mean is 1."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])
