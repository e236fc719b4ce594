"""Predictions for a set of clips with the true labels: the one input of every metric here.

Legend: N clips, K classes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

CLIP_FACTS = ('filename', 'frame_dir', 'recording', 'total_frames', 'start_seconds', 'end_seconds')
"""Further facts of a clip in its data sample; the pipeline's ``meta_keys`` choose them."""

PROBABILITY_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """Probabilities and true labels of N clips.

    Attributes:
        scores: (N, K) probabilities: of each row one distribution, or, for clips with several
            labels, one probability a class.
        labels: (N,) class indices, or (N, K) booleans where a clip may have several labels.
        classes: K names.
        clips: N rows of facts about the clips: ``filename``, ``recording`` and others, as known; no
            rows where nothing is.
    """

    scores: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    clips: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or not len(self.scores):
            raise ValueError(f'scores of shape {self.scores.shape} are not (clips, classes)')
        if len(self.classes) != self.scores.shape[1]:
            raise ValueError(f'{len(self.classes)} class names for {self.scores.shape[1]} scores')
        if self.labels.shape not in (self.scores.shape[:1], self.scores.shape):
            raise ValueError(
                f'labels of shape {self.labels.shape} do not fit scores of {self.scores.shape}'
            )
        used = set() if self.multi_label else set(self.labels.tolist())
        if outside := used - set(range(self.num_classes)):
            raise ValueError(f'labels {sorted(outside)} are outside 0..{self.num_classes - 1}')
        if not len(self.clips):
            object.__setattr__(self, 'clips', pd.DataFrame(index=range(len(self.scores))))
        if len(self.clips) != len(self.scores):
            raise ValueError(f'facts about {len(self.clips)} clips for {len(self.scores)} scores')
        if not np.isfinite(self.scores).all():
            row = int(np.argwhere(~np.isfinite(self.scores))[0, 0])
            raise ValueError(f'the scores of clip {self.name(row)} are not finite numbers')

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.scores.shape[1]

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several labels."""
        return self.labels.ndim == 2

    @cached_property
    def truth(self) -> np.ndarray:
        """(N, K) booleans: which classes each clip has."""
        if self.multi_label:
            return self.labels.astype(bool)
        return self.labels[:, None] == np.arange(self.num_classes)

    @cached_property
    def decided(self) -> np.ndarray:
        """(N, K) booleans: the most probable class, or all above one half with several labels."""
        if self.multi_label:
            return self.scores >= 0.5
        return self.top_class[:, None] == np.arange(self.num_classes)

    @cached_property
    def top_class(self) -> np.ndarray:
        """(N,) most probable class."""
        return self.scores.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """(N,) probability of the most probable class."""
        return self.scores.max(axis=1)

    @property
    def hits(self) -> np.ndarray:
        """(N,) booleans: the most probable class is a true one."""
        return self.truth[np.arange(len(self)), self.top_class]

    @property
    def recordings_known(self) -> bool:
        """Whether clips are told apart by recording."""
        return 'recording' in self.clips and self.clips['recording'].notna().any()

    @cached_property
    def groups(self) -> np.ndarray:
        """(N,) numbers of what varies independently: the recordings, else the clips.

        A clip whose recording is unknown stands for itself.
        """
        if not self.recordings_known:
            return np.arange(len(self))
        names = self.clips['recording'].astype('string')
        alone = pd.Series([f'\0{row}' for row in range(len(self))], dtype='string')
        return pd.factorize(names.reset_index(drop=True).fillna(alone))[0]

    def name(self, row: int) -> str:
        """Name of a clip: its file and the part of it; else its number."""
        clip = self.clips.iloc[row]
        for column in ('filename', 'frame_dir'):
            if column in self.clips and pd.notna(clip[column]):
                start = clip.get('start_seconds')
                place = '' if pd.isna(start) else f' from {start:g} s'
                return f'{clip[column]}{place}'
        return f'#{row}'

    @cached_property
    def short_names(self) -> list[str]:
        """Names of all clips without the folders that they share."""
        names = [self.name(row) for row in range(len(self))]
        folders = {os.path.dirname(name) for name in names}
        if '' in folders or len({os.path.isabs(folder) for folder in folders}) > 1:
            return names
        shared = os.path.commonpath(folders)
        return [os.path.relpath(name, shared) for name in names]

    def with_scores(self, scores: np.ndarray) -> Predictions:
        """The same clips with other scores."""
        return Predictions(scores, self.labels, self.classes, self.clips)

    def subset(self, rows: np.ndarray) -> Predictions:
        """Some of the clips, by number or mask."""
        clips = self.clips.iloc[np.flatnonzero(rows) if rows.dtype == bool else rows]
        return Predictions(
            self.scores[rows], self.labels[rows], self.classes, clips.reset_index(drop=True)
        )


def predictions_from_samples(
    samples: Sequence[Mapping[str, Any]], classes: Sequence[str] | None = None
) -> Predictions:
    """Collect data samples, as an evaluator gets them and ``test.py --dump`` writes them.

    Args:
        samples: Each with ``pred_score`` (K,) and ``gt_label`` (1,) or (K,). Scores that are no
            probabilities are taken for logits. Clips without a label (-1) are left out.
        classes: Names; numbers by default.

    Raises:
        ValueError: A sample lacks something or differs from the others in shape.
    """
    labelled = {
        number: sample
        for number, sample in enumerate(samples)
        if not _is_unlabelled(number, sample)
    }
    if not labelled:
        raise ValueError('there are no predictions of clips that have a label')
    rows = {number: _score_and_label(number, sample) for number, sample in labelled.items()}
    first, (score_of_first, label_of_first) = next(iter(rows.items()))
    num_classes = len(score_of_first)
    for number, (score, label) in rows.items():
        if len(score) != num_classes or len(label) != len(label_of_first):
            raise ValueError(
                f'prediction {number} has {len(score)} scores and {len(label)} label entries, '
                f'prediction {first} has {num_classes} and {len(label_of_first)}'
            )
    scores = np.stack([score for score, _ in rows.values()])
    labels = np.stack([label for _, label in rows.values()])
    multi_label = labels.shape[1] > 1
    if multi_label and labels.shape[1] != num_classes:
        raise ValueError(f'labels of {labels.shape[1]} entries do not fit {num_classes} classes')
    if classes is not None and len(classes) != num_classes:
        raise ValueError(f'{len(classes)} class names for predictions of {num_classes} classes')
    return Predictions(
        _as_probabilities(scores, multi_label),
        labels > 0.5 if multi_label else labels[:, 0].astype(int),
        tuple(classes or map(str, range(num_classes))),
        _clip_facts(list(labelled.values())),
    )


def _is_unlabelled(number: int, sample: Mapping[str, Any]) -> bool:
    """Whether a clip's label is -1, as mmaction2 writes where none is known."""
    if sample.get('gt_label') is None:
        return False
    label = _numbers(number, sample, 'gt_label')
    return label.size == 1 and label.item() < 0


def _numbers(number: int, sample: Mapping[str, Any], key: str) -> np.ndarray:
    value = sample.get(key)
    if value is None:
        raise ValueError(f'prediction {number} has no {key}; it has {sorted(sample)}')
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise ValueError(f'prediction {number}: {key} is a {kind}, expected numbers') from None


def _score_and_label(number: int, sample: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    score, label = (_numbers(number, sample, key) for key in ('pred_score', 'gt_label'))
    if score.ndim != 1:
        raise ValueError(
            f'prediction {number} has scores of shape {score.shape}, not one for each class; '
            "average the views with average_clips='prob'"
        )
    return score, label.reshape(-1)


def _as_probabilities(scores: np.ndarray, multi_label: bool) -> np.ndarray:
    inside = -PROBABILITY_TOLERANCE <= scores.min() <= scores.max() <= 1 + PROBABILITY_TOLERANCE
    if multi_label:
        return scores.clip(0, 1) if inside else expit(scores)
    totals = scores.sum(axis=1, keepdims=True)
    if inside and np.abs(totals - 1).max() < PROBABILITY_TOLERANCE:
        return scores.clip(0, 1) / totals
    return softmax(scores, axis=1)


def _clip_facts(samples: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    known = [key for key in CLIP_FACTS if any(sample.get(key) is not None for sample in samples)]
    return pd.DataFrame(
        {key: [sample.get(key) for sample in samples] for key in known}, index=range(len(samples))
    )
