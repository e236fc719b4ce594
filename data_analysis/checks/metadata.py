"""File properties that give the label away without a look at the picture.

A depth-limited tree tries to name the class from one property at a time, cross-validated with
recordings kept apart where they are known. A property counts as a shortcut only if it gets well
above chance, and above what labels would give that are shuffled between recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from data_analysis.checks.grouped_folds import grouped_folds
from data_analysis.checks.problems import Problem
from data_analysis.checks.settings import CheckSettings
from data_analysis.checks.shuffling import independent_units, shuffled_labels

PROPERTIES = {
    'duration': ('duration_seconds',),
    'frame rate': ('fps',),
    'picture size': ('width', 'height'),
    'keyframe spacing': ('keyframe_spacing',),
    'audio': ('audio',),
}
_NUM_FOLDS = 5
_NUM_SHUFFLES = 99
_NO_ACCIDENT = 0.02
_MOST_CLIPS = 4000


@dataclass(frozen=True)
class MetadataSkill:
    """How well one file property predicts the class.

    Attributes:
        property: A key of `PROPERTIES`.
        balanced_accuracy: Mean recall of the classes, cross-validated.
        chance: The same for guessing.
        p_value: Share of labels shuffled between recordings that are matched as well; small means
            no accident.
        shortcut: Whether it counts as one.
    """

    property: str
    balanced_accuracy: float
    chance: float
    p_value: float
    shortcut: bool

    def as_dict(self) -> dict[str, object]:
        """Plain values for `summary.json`."""
        return asdict(self)


def metadata_problems(skills: Iterable[MetadataSkill]) -> Iterator[Problem]:
    """Properties that predict the class."""
    for skill in skills:
        if skill.shortcut:
            yield Problem(
                'metadata_reveals_label',
                '',
                f'{skill.property} alone names the class with mean class accuracy '
                f'{skill.balanced_accuracy:.2f} (chance {skill.chance:.2f}, '
                f'p = {skill.p_value:.2g})',
            )


def metadata_skills(clips: pd.DataFrame, settings: CheckSettings) -> list[MetadataSkill]:
    """Tries each property that varies; empty where the set is too small to say anything."""
    usable = clips[(clips['status'] == 'ok') & clips['label'].isin(settings.classes)]
    usable = usable[usable.groupby('label')['label'].transform('size') >= _NUM_FOLDS]
    if len(usable) > _MOST_CLIPS:
        usable = usable.sample(_MOST_CLIPS, random_state=settings.seed)
    if usable['label'].nunique() < 2:
        return []
    return [
        _skill(name, usable, list(columns), settings)
        for name, columns in PROPERTIES.items()
        if usable[list(columns)].drop_duplicates().shape[0] > 1
    ]


def _skill(
    name: str, usable: pd.DataFrame, columns: list[str], settings: CheckSettings
) -> MetadataSkill:
    classes, labels = np.unique(usable['label'], return_inverse=True)
    chance = 1 / len(classes)
    units = independent_units(usable['recording'])
    groups = units if len(set(units)) >= _NUM_FOLDS else np.arange(len(labels))
    predicted = cross_val_predict(
        DecisionTreeClassifier(
            max_depth=4,
            min_samples_leaf=3,
            class_weight='balanced',
            random_state=settings.seed,
        ),
        usable[columns].fillna(-1).to_numpy(float),
        labels,
        cv=grouped_folds(_NUM_FOLDS, labels, groups, settings.seed),
    )
    score = _mean_recall(labels, predicted)
    as_good = sum(
        _mean_recall(shuffled, predicted) >= score
        for shuffled in shuffled_labels(labels, units, _NUM_SHUFFLES, settings.seed)
    )
    p_value = (1 + as_good) / (1 + _NUM_SHUFFLES)
    skill = (score - chance) / (1 - chance)
    return MetadataSkill(
        property=name,
        balanced_accuracy=score,
        chance=chance,
        p_value=p_value,
        shortcut=bool(skill >= settings.metadata_skill and p_value < _NO_ACCIDENT),
    )


def _mean_recall(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Balanced accuracy over the classes, numbered from 0, that occur in the truth."""
    sizes = np.bincount(truth)
    hits = np.bincount(truth[truth == predicted], minlength=len(sizes))
    return float((hits[sizes > 0] / sizes[sizes > 0]).mean())
