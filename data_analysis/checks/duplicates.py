"""The same clip twice, by its bytes and by its looks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from data_analysis.checks.settings import CheckSettings
from data_analysis.problems import Problem
from data_analysis.scenes import find_scenes

_MOST_NAMES = 3


def check_identical_bytes(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Files with the same SHA-256, within a split, across splits, and with other labels."""
    hashed = clips[clips['sha256'] != '']
    for _, group in hashed.groupby('sha256', sort=False):
        if group['path'].nunique() > 1:
            yield from _describe(group, 'byte_identical', 'clip_in_two_splits', 'the same bytes')
            yield from _contradictions(group)


def check_listed_twice(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """One path (and part of it) that several annotations name."""
    key = ['path', 'start_seconds', 'end_seconds']
    for _, group in clips[clips.duplicated(key, keep=False)].groupby(key, dropna=False):
        if group['split'].nunique() > 1:
            first = group.iloc[0]
            yield Problem(
                'clip_in_two_splits',
                first['path'],
                f'listed in {", ".join(dict.fromkeys(group["split"]))}',
                first['label'],
                ', '.join(dict.fromkeys(group['split'])),
            )
        yield from _contradictions(group)


def check_look_alikes(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Clips whose thumbnails nearly coincide though their bytes differ."""
    files = clips.drop_duplicates('path')
    scenes = find_scenes(files['signature'], settings.near_identical_distance)
    for _, group in files.groupby(scenes, sort=False):
        if len(group) > 1 and group['sha256'].nunique() > 1:
            yield from _describe(
                group, 'near_identical', 'near_identical_across_splits', 'looks like'
            )


def _describe(group: pd.DataFrame, code: str, code_across: str, relation: str) -> Iterator[Problem]:
    """A group in one split is one problem; in several, each clip outside train is one."""
    splits = list(dict.fromkeys(group['split']))
    if len(splits) == 1:
        first = group.iloc[0]
        yield Problem(
            code,
            first['path'],
            f'{relation}: {_names(group["path"].iloc[1:])}',
            first['label'],
            splits[0],
            group['path'].iloc[1],
        )
        return
    home = 'train' if 'train' in splits else splits[0]
    twins = group.loc[group['split'] == home, 'path']
    for clip in group[group['split'] != home].itertuples():
        yield Problem(
            code_across,
            clip.path,
            f'{relation} in {home}: {_names(twins)}',
            clip.label,
            clip.split,
            twins.iloc[0],
        )


def _contradictions(group: pd.DataFrame) -> Iterator[Problem]:
    if group['label'].nunique() > 1:
        first = group.iloc[0]
        named = ', '.join(f'{clip.path} is {clip.label}' for clip in group.iloc[1:].itertuples())
        yield Problem('contradictory_labels', first['path'], named, first['label'], first['split'])


def _names(paths: pd.Series) -> str:
    shown = ', '.join(paths.iloc[:_MOST_NAMES])
    return shown if len(paths) <= _MOST_NAMES else f'{shown} and {len(paths) - _MOST_NAMES} more'
