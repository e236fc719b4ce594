"""Labels against the class list, and how the classes are spread over the splits."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from data_analysis.checks.problems import Problem, problem_of
from data_analysis.checks.settings import CheckSettings
from data_analysis.measuring.clip_table import by_class
from data_analysis.measuring.tables import training_split


def check_known_labels(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Labels outside the classes, and clips without one among labelled ones."""
    if not settings.classes:
        return
    known = set(settings.classes)
    for clip in by_class(clips).itertuples():
        if clip.label not in known:
            yield problem_of(
                'label_outside_classes',
                clip,
                f'{clip.label!r} is none of {len(known)} classes' if clip.label else 'no label',
            )


def check_class_counts(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Classes that a split lacks or hardly has."""
    if not settings.classes:
        return
    home, splits = training_split(clips), list(dict.fromkeys(clips['split']))
    counts = pd.crosstab(by_class(clips)['label'], by_class(clips)['split'])
    counts = counts.reindex(index=settings.classes, columns=splits, fill_value=0)
    for split in splits:
        wanted = settings.few_samples if split == home else settings.few_test_samples
        for label in settings.classes:
            num_clips = counts.at[label, split]
            if num_clips == 0:
                yield Problem('class_absent', '', 'no clip', label, split)
            elif num_clips < wanted:
                yield Problem(
                    'few_samples', '', f'{num_clips} clips, {wanted} wanted', label, split
                )


def check_imbalance(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """The largest class against the smallest, in the split that is trained on."""
    split = training_split(clips)
    counts = by_class(clips[clips['split'] == split])['label'].value_counts()
    counts = counts[counts.index.isin(settings.classes)]
    if len(counts) < 2:
        return
    ratio = counts.iloc[0] / counts.iloc[-1]
    if ratio >= settings.imbalance_ratio:
        yield Problem(
            'imbalance',
            '',
            f'{counts.index[0]} has {counts.iloc[0]} clips, {counts.index[-1]} {counts.iloc[-1]}: '
            f'{ratio:.1f} to 1',
            split=split,
        )
