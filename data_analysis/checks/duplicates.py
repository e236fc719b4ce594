"""The same clip twice, by its bytes and by its looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from data_analysis.checks.problems import Problem, problem_of
from data_analysis.checks.settings import CheckSettings
from data_analysis.measuring.scenes import find_scenes
from data_analysis.measuring.tables import training_split

_MOST_NAMES = 3


def check_identical_bytes(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Files with the same SHA-256, within a split, across splits, and with other labels."""
    hashed, train = clips[clips['sha256'] != ''], training_split(clips)
    for _, group in hashed.groupby('sha256', sort=False):
        if group['file'].nunique() > 1:
            yield from _describe(
                group, train, 'byte_identical', 'clip_in_two_splits', 'the same bytes'
            )
            yield from _contradictions(group)


def check_listed_twice(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """One file (and part of it) that several annotations name."""
    key = ['file', 'start_seconds', 'end_seconds']
    for _, group in clips[clips.duplicated(key, keep=False)].groupby(key, dropna=False):
        first = group.iloc[0]
        counts = group['split'].value_counts(sort=False)
        if len(counts) > 1:
            splits = ', '.join(counts.index)
            yield replace(
                problem_of('clip_in_two_splits', first, f'listed in {splits}'), split=splits
            )
        for split, count in counts[counts > 1].items():
            where = f' in {split}' if split else ''
            yield replace(
                problem_of('listed_twice', first, f'listed {count} times{where}'), split=split
            )
        yield from _contradictions(group)


def check_look_alikes(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Clips whose thumbnails nearly coincide though their bytes differ."""
    files, train = clips.drop_duplicates('file'), training_split(clips)
    scenes = find_scenes(files['signature'], settings.near_identical_distance)
    for _, group in files.groupby(scenes, sort=False):
        if len(group) > 1 and group['sha256'].nunique() > 1:
            yield from _describe(
                group, train, 'near_identical', 'near_identical_across_splits', 'looks like'
            )


def _describe(
    group: pd.DataFrame, train: str, code: str, code_across: str, relation: str
) -> Iterator[Problem]:
    """A group in one split is one problem; in several, each clip outside train is one."""
    splits = list(dict.fromkeys(group['split']))
    if len(splits) == 1:
        files = group.drop_duplicates('file')
        named = f'{relation}: {_names(files["path"].iloc[1:])}'
        yield problem_of(code, files.iloc[0], named, files.iloc[1])
        return
    home = train if train in splits else splits[0]
    twins = group[group['split'] == home].drop_duplicates('file')
    for clip in group[group['split'] != home].itertuples():
        named = f'{relation} in {home}: {_names(twins["path"])}'
        yield problem_of(code_across, clip, named, twins.iloc[0])


def _contradictions(group: pd.DataFrame) -> Iterator[Problem]:
    if group['label'].nunique() > 1:
        others = group.iloc[1:]
        named = ', '.join(f'{clip.path} is {clip.label}' for clip in others.itertuples())
        yield problem_of('contradictory_labels', group.iloc[0], named)


def _names(paths: pd.Series) -> str:
    shown = ', '.join(paths.iloc[:_MOST_NAMES])
    return shown if len(paths) <= _MOST_NAMES else f'{shown} and {len(paths) - _MOST_NAMES} more'
