"""Whether the score on a split will tell anything about new recordings.

The alarm needs no knowledge of recordings. It asks two questions of each split but train: how many
of its clips have a look-alike in train, and does a nearest neighbour on thumbnails, which knows
nothing of actions, name the classes right? Only both together are a leak: look-alikes without
labels to copy do no harm, and classes that really look different are easy without look-alikes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from data_analysis.checks.grouped_folds import grouped_folds
from data_analysis.checks.problems import Problem
from data_analysis.checks.settings import CheckSettings
from data_analysis.checks.shuffling import independent_units, shuffled_labels
from data_analysis.measuring.scenes import find_scenes, nearest, signature_matrix
from data_analysis.measuring.tables import training_split

_NUM_FOLDS = 5
_FEWEST_CLIPS = 10
_NUM_SHUFFLES = 199
_NO_ACCIDENT = 0.01


@dataclass(frozen=True)
class LeakageScore:
    """A nearest neighbour on thumbnails, scored on a split.

    Attributes:
        split: The split that is judged; the neighbours come from train.
        num_clips: Its clips that have a usable thumbnail.
        twin_share: Share of them with a look-alike in train.
        accuracy: Of copying the nearest train clip's label.
        macro_f1: The same, as mean F1 of the classes.
        guessing_macro_f1: Of naming the most frequent class of train.
        p_value: Share of labels shuffled between recordings that are matched as well; small means
            no accident.
        separated_macro_f1: Of the same neighbour, cross-validated with recordings (or scenes) kept
            apart: what is left of the score on new ground. None if there are too few to do that.
        alarm: Whether the split leaks.
        example: A clip of median distance among those with a look-alike; empty if there is none.
        example_twin: Its look-alike in train.
        example_file: The example's file.
        example_twin_file: The look-alike's file.
    """

    split: str
    num_clips: int
    twin_share: float
    accuracy: float
    macro_f1: float
    guessing_macro_f1: float
    p_value: float
    separated_macro_f1: float | None
    alarm: bool
    example: str = ''
    example_twin: str = ''
    example_file: str = ''
    example_twin_file: str = ''

    def as_dict(self) -> dict[str, object]:
        """Plain values for `summary.json`."""
        return asdict(self)


def check_recordings(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Recordings with clips in several splits."""
    known = clips[clips['recording'] != '']
    for recording, group in known.groupby('recording', sort=False):
        counts = group['split'].value_counts(sort=False)
        if len(counts) > 1:
            spread = ', '.join(f'{split} {number}' for split, number in counts.items())
            yield Problem(
                'recording_in_two_splits',
                '',
                f'{recording}: clips in {spread}',
                split=', '.join(counts.index),
            )


def leakage_problems(scores: Iterable[LeakageScore]) -> Iterator[Problem]:
    """The leakage alarm."""
    for score in scores:
        if score.alarm:
            separated = (
                ''
                if score.separated_macro_f1 is None
                else f'; with scenes kept apart {score.separated_macro_f1:.2f}'
            )
            yield Problem(
                'leakage_alarm',
                score.example,
                f'{score.twin_share:.0%} of {score.num_clips} clips have a look-alike in train; '
                f'copying its label scores macro-F1 {score.macro_f1:.2f} '
                f'(guessing {score.guessing_macro_f1:.2f}{separated})',
                split=score.split,
                related=score.example_twin,
                file=score.example_file,
                related_file=score.example_twin_file,
            )


def leakage_scores(clips: pd.DataFrame, settings: CheckSettings) -> list[LeakageScore]:
    """Scores each split other than train against train; `unjudged_splits` have no score."""
    home, skipped = training_split(clips), unjudged_splits(clips)
    splits = [name for name in dict.fromkeys(clips['split']) if name not in {home, *skipped}]
    if not splits:
        return []
    matrix, usable = _with_label_and_thumbnail(clips)
    separated = _separated_macro_f1(matrix, usable, settings)
    train = np.flatnonzero(usable['split'] == home)
    return [
        _score(matrix, usable, train, np.flatnonzero(usable['split'] == split), separated, settings)
        for split in splits
    ]


def unjudged_splits(clips: pd.DataFrame) -> dict[str, str]:
    """Why splits other than train can have no score, by their names; empty where all have one."""
    home = training_split(clips)
    others = [name for name in dict.fromkeys(clips['split']) if name != home]
    if not (clips['signature'] != '').any():
        return dict.fromkeys(others, 'no clip has a thumbnail, which --tier header does not make')
    _, usable = _with_label_and_thumbnail(clips)
    num_classes = usable.loc[usable['split'] == home, 'label'].nunique()
    if num_classes < 2:
        reason = f'{num_classes} classes have clips with a usable thumbnail in {home}, 2 are needed'
        return dict.fromkeys(others, reason)
    counts = usable['split'].value_counts().reindex(others, fill_value=0)
    return {
        split: f'{number} of its clips have a label and a usable thumbnail, not {_FEWEST_CLIPS}'
        for split, number in counts[counts < _FEWEST_CLIPS].items()
    }


def _with_label_and_thumbnail(clips: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Signatures (N, height * width) and rows of the clips that can be compared."""
    matrix, positions = signature_matrix(clips['signature'])
    usable = clips.iloc[positions]
    labelled = (usable['label'] != '').to_numpy()
    return matrix[labelled], usable[labelled].reset_index(drop=True)


def _score(
    matrix: np.ndarray,
    usable: pd.DataFrame,
    train: np.ndarray,
    judged: np.ndarray,
    separated_macro_f1: float | None,
    settings: CheckSettings,
) -> LeakageScore:
    labels = usable['label'].to_numpy()
    distances, neighbours = nearest(matrix[judged], matrix[train])
    copied, truth = labels[train][neighbours], labels[judged]
    guess = DummyClassifier(strategy='most_frequent').fit(train[:, None], labels[train])
    guessing = _macro_f1(truth, guess.predict(judged[:, None]))
    twins = np.flatnonzero(distances < settings.scene_distance)
    macro_f1 = _macro_f1(truth, copied)
    recordings = usable['recording'].iloc[judged]
    # A recording that lies in train, too, is no accident: each of its clips counts.
    torn = recordings.isin(usable['recording'].iloc[train])
    units = independent_units(recordings.mask(torn, ''))
    p_value = _p_value(truth, copied, units, macro_f1, settings.seed)
    return LeakageScore(
        split=usable['split'].iloc[judged[0]],
        num_clips=len(judged),
        twin_share=len(twins) / len(judged),
        accuracy=float((copied == truth).mean()),
        macro_f1=macro_f1,
        guessing_macro_f1=guessing,
        p_value=p_value,
        separated_macro_f1=separated_macro_f1,
        alarm=len(twins) >= settings.twin_share * len(judged)
        and macro_f1 - guessing >= settings.nearest_neighbour_gain
        and p_value < _NO_ACCIDENT,
        **_example(usable, judged, train[neighbours], distances, twins),
    )


def _example(
    usable: pd.DataFrame,
    judged: np.ndarray,
    twins_in_train: np.ndarray,
    distances: np.ndarray,
    twins: np.ndarray,
) -> dict[str, str]:
    if len(twins) == 0:
        return {}
    ranked = twins[np.argsort(distances[twins], kind='stable')]
    middle = ranked[len(ranked) // 2]
    clip, twin = usable.iloc[judged[middle]], usable.iloc[twins_in_train[middle]]
    return {
        'example': clip['path'],
        'example_twin': twin['path'],
        'example_file': clip['file'],
        'example_twin_file': twin['file'],
    }


def _p_value(
    truth: np.ndarray, copied: np.ndarray, units: np.ndarray, macro_f1: float, seed: int
) -> float:
    """Share of shuffled truths that the copied labels match as well.

    Counted here, since scikit-learn would sort the names anew each time:
    F1 = 2 hits / (clips of the class + times it was named).
    """
    classes, codes = np.unique(np.concatenate([truth, copied]), return_inverse=True)
    truth_codes, copied_codes = codes[: len(truth)], codes[len(truth) :]
    count = functools.partial(np.bincount, minlength=len(classes))
    as_good = 0
    for shuffled in shuffled_labels(truth_codes, units, _NUM_SHUFFLES, seed):
        sizes = count(shuffled)
        present = sizes > 0
        hits = count(copied_codes[shuffled == copied_codes])[present]
        scores = 2 * hits / (sizes + count(copied_codes))[present]
        as_good += scores.mean() >= macro_f1 - 1e-12
    return float((1 + as_good) / (1 + _NUM_SHUFFLES))


def _separated_macro_f1(
    matrix: np.ndarray, usable: pd.DataFrame, settings: CheckSettings
) -> float | None:
    """Cross-validates the neighbour with recordings, or else scenes, kept apart."""
    labels, recordings = usable['label'].to_numpy(), usable['recording'].to_numpy()
    scenes = find_scenes(usable['signature'], settings.scene_distance)
    groups = np.where(recordings != '', recordings, scenes.astype(str))
    num_groups = len(set(groups))
    if num_groups < 2 or pd.Series(labels).value_counts().max() < _NUM_FOLDS:
        return None
    folds = grouped_folds(min(_NUM_FOLDS, num_groups), labels, groups, settings.seed)
    predicted = cross_val_predict(KNeighborsClassifier(1), matrix, labels, cv=folds)
    return _macro_f1(labels, predicted)


def _macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean F1 over the classes that occur in the truth."""
    present = np.unique(truth)
    return float(f1_score(truth, predicted, labels=present, average='macro', zero_division=0))
