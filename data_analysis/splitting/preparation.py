"""From a folder of videos to lists, class names and a config that trains on them.

Writes a split only after the checks for leaks have looked at it; one that leaks is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data_analysis.checks import duplicates, leakage
from data_analysis.checks.problems import problem_table
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.datasets import DatasetInput
from data_analysis.measuring.clip_table import clip_table
from data_analysis.measuring.measure import MeasureSettings, Progress, measure_files
from data_analysis.splitting.base_configs import copy_config
from data_analysis.splitting.copying import copies_pay, make_copies
from data_analysis.splitting.detection import detection_of, guess_dangers
from data_analysis.splitting.presets import PRESETS, Preset, preset_of
from data_analysis.splitting.splits import (
    Fold,
    bind_groups,
    check_shares,
    given_split,
    leave_one_group_out,
    split_by_shares,
    split_into_folds,
)
from data_analysis.splitting.writing import Division, write_division
from video_clips.labels import MULTI_LABEL_SEPARATOR
from video_clips.whole_files import check_writable, write_atomically

LEAKS = ('clip_in_two_splits', 'recording_in_two_splits', 'leakage_alarm')
"""Findings that make a split worthless."""

_LONGEST_NAME = 60  # a folder's name may have 255 bytes, and a letter four


class LeakError(ValueError):
    """The split would put the same material on two sides."""


@dataclass(frozen=True)
class PreparationSettings:
    """How to divide a dataset.

    Attributes:
        out: Folder for lists, class names and configs.
        base_config: The config that the written one inherits from.
        preset: What else the recipe says; by default nothing.
        dangers: Classes that raise alarms in detection; by default those whose names do not read
            as background.
        copies: Whether to train on small copies: `auto` where they pay, `always` or `never`.
        val_share: Share of the clips for validation.
        test_share: Share of the clips for the test; not used with folds.
        num_folds: Cross-validation with so many folds in place of one split; 0 for one split.
        leave_one_group_out: One fold for each group.
        from_scenes: Bind clips that look alike where no recording is known.
        percents: Nested parts of train to write, too.
        allow_leak: Write a split that leaks all the same.
        seed: The same seed gives the same split.
    """

    out: Path
    base_config: Path
    preset: Preset | None = None
    dangers: Sequence[str] | None = None
    copies: str = 'never'
    val_share: float = 0.1
    test_share: float = 0.2
    num_folds: int = 0
    leave_one_group_out: bool = False
    from_scenes: bool = False
    percents: Sequence[int] = ()
    allow_leak: bool = False
    seed: int = 0
    measure: MeasureSettings = field(default_factory=MeasureSettings)


@dataclass(frozen=True)
class Prepared:
    """Files that were written.

    Attributes:
        counts: Clips by class (rows) and split (columns), one table for each fold.
        configs: The configs, one for each fold.
        num_groups: Groups that stay together.
        left_out: Clips that cannot be read and are in no list.
        leaks: Findings that were allowed or are worth a look.
        dangers: Classes that raise alarms in detection.
        span_seconds: What a model sees of a clip; None where the recipe does not say.
        num_copies: Copies that training reads; None where it reads the videos.
    """

    counts: dict[str, pd.DataFrame]
    configs: list[Path]
    num_groups: int
    left_out: pd.DataFrame
    leaks: pd.DataFrame
    dangers: Sequence[str] = ()
    span_seconds: float | None = None
    num_copies: int | None = None


def prepare(
    dataset: DatasetInput,
    settings: PreparationSettings,
    root: str,
    progress: Progress = lambda done, total: None,
) -> Prepared:
    """Measures the clips, divides them, checks the division and writes it.

    Args:
        dataset: The annotated clips.
        settings: How to divide them.
        root: Folder of the videos, for the config.
        progress: Called with the number of files that are measured, and of all.

    Raises:
        LeakError: A split leaks, and that is not allowed.
        ValueError: Clips have no or unknown labels, or cannot be divided as wanted.
    """
    _check_before_measuring(dataset, settings)
    clips, left_out = _measured_clips(dataset, settings, progress)
    groups, folds = divide(clips, settings)
    leaks = pd.concat([_leaks_of(clips, fold, dataset, settings) for fold in folds])
    worst = leaks[leaks['code'].isin(LEAKS)]
    if len(worst) and not settings.allow_leak:
        raise LeakError(_describe_leaks(worst))
    if settings.from_scenes:  # as little independent as clips of a recording, and listed as such
        clips['recording'] = np.array(_group_names(clips, groups))[groups]
    with write_atomically(settings.out / 'classes.txt') as stream:
        stream.writelines(f'{name}\n' for name in dataset.classes)
    preset = settings.preset or preset_of(settings.base_config)
    dangers = settings.dangers
    if dangers is None:
        dangers = guess_dangers(dataset.classes)
    detection = detection_of(clips, settings.base_config, dangers)
    copies = None
    if settings.copies == 'always' or (settings.copies == 'auto' and copies_pay(clips, preset)):
        copies = make_copies(clips, root, settings.out / 'copies', preset, settings.measure)
        if len(copies.failures) == copies.done:
            copies = None
    base = settings.base_config
    if settings.preset in PRESETS.values():  # a recipe of this package, which may move or change
        base = copy_config(base, settings.out / 'configs')
    division = Division(
        out=settings.out,
        root=root,
        base_config=base,
        dataset=dataset,
        percents=settings.percents,
        seed=settings.seed,
        settings={**preset.settings, **({'detection': detection} if detection else {})},
        copies=copies,
    )
    configs = [write_division(clips, groups, fold, division) for fold in folds]
    return Prepared(
        counts={fold.name: count_clips(clips, fold, dataset.classes) for fold in folds},
        configs=configs,
        num_groups=len(set(groups)),
        left_out=left_out,
        leaks=leaks,
        dangers=dangers,
        span_seconds=detection.get('span_seconds'),
        num_copies=None if copies is None else copies.made + copies.kept,
    )


def _check_before_measuring(dataset: DatasetInput, settings: PreparationSettings) -> None:
    """Raise what is wrong with the arguments before minutes are spent on measuring."""
    if not settings.base_config.is_file():
        raise FileNotFoundError(f'{settings.base_config}: no such config to inherit from')
    if settings.copies not in ('auto', 'always', 'never'):
        raise ValueError(f'copies are made auto, always or never, not {settings.copies!r}')
    check_shares({'val': settings.val_share, 'test': settings.test_share})
    if settings.num_folds and not 2 <= settings.num_folds <= len(dataset.clips):
        raise ValueError(
            f'{settings.num_folds} folds of {len(dataset.clips)} clips are not possible'
        )
    if unknown := set(settings.dangers or ()) - set(dataset.classes):
        raise ValueError(
            f'the dangers {", ".join(sorted(unknown))} are not classes; there are '
            f'{", ".join(dataset.classes)}'
        )
    settings.out.mkdir(parents=True, exist_ok=True)
    check_writable(settings.out)


def _check_classes(clips: pd.DataFrame, classes: Sequence[str]) -> None:
    """Refuse what cannot be trained on: a single class, or a class with a single clip."""
    counts = clips['label'].str.split(MULTI_LABEL_SEPARATOR).explode().value_counts()
    present = [name for name in classes if counts.get(name, 0)]
    if len(present) < 2:
        raise ValueError(
            f'only the class {", ".join(present) or "of no clip"} has readable clips; a classifier '
            'needs two classes at least'
        )
    if single := [name for name in present if counts[name] == 1]:
        raise ValueError(
            f'{", ".join(single)}: one clip cannot be trained on and tested on; collect more, or '
            'put the clip into another class'
        )


def _measured_clips(
    dataset: DatasetInput, settings: PreparationSettings, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame]:
    store = settings.out / 'measurements.sqlite'
    measured, _ = measure_files(dataset.clips['file'], store, settings.measure, progress)
    clips = clip_table(dataset.clips, measured)
    unknown = clips[~clips['label'].map(lambda text: _are_classes(text, dataset.classes))]
    if len(unknown):
        first = unknown.iloc[0]
        raise ValueError(
            f'{len(unknown)} clips have no label or one that is no class, the first is '
            f'{first["path"]} ({first["label"] or "no label"})'
        )
    readable = clips['status'] == 'ok'
    _check_classes(clips[readable], dataset.classes)
    return clips[readable].reset_index(drop=True), clips[~readable]


def _are_classes(text: str, classes: Sequence[str]) -> bool:
    return all(name in classes for name in text.split(MULTI_LABEL_SEPARATOR))


def divide(clips: pd.DataFrame, settings: PreparationSettings) -> tuple[np.ndarray, list[Fold]]:
    """Binds clips into groups and divides them as the settings say."""
    distance = CheckSettings().scene_distance if settings.from_scenes else None
    groups = bind_groups(clips, distance)
    labels = clips['label'].to_numpy()
    seed, val_share = settings.seed, settings.val_share
    if 'train' in set(clips['split']) and not (settings.leave_one_group_out or settings.num_folds):
        return groups, [given_split(labels, groups, clips['split'].to_numpy(), val_share, seed)]
    if settings.leave_one_group_out:
        names = _group_names(clips, groups)
        return groups, leave_one_group_out(labels, groups, names, val_share, seed)
    if settings.num_folds:
        return groups, split_into_folds(labels, groups, settings.num_folds, val_share, seed)
    shares = {'val': val_share, 'test': settings.test_share}
    wanted = {name: share for name, share in shares.items() if share}
    return groups, [split_by_shares(labels, groups, wanted, seed)]


def _group_names(clips: pd.DataFrame, groups: np.ndarray) -> list[str]:
    """A group is named by its recordings, by its number, or by both where names would be equal."""
    recordings = clips['recording'].groupby(groups).agg(lambda names: '+'.join(sorted(set(names))))
    names = [
        ''.join(letter if letter.isalnum() or letter in '-_+.' else '_' for letter in name)[
            :_LONGEST_NAME
        ]
        or f'group{index}'
        for index, name in enumerate(recordings)
    ]
    # Some file systems take "Cam" and "cam" for the same folder.
    equal = pd.Series(names).str.lower().duplicated(keep=False)
    return [f'{name}~{index}' if equal[index] else name for index, name in enumerate(names)]


def _leaks_of(
    clips: pd.DataFrame, fold: Fold, dataset: DatasetInput, settings: PreparationSettings
) -> pd.DataFrame:
    """Runs the checks that look across splits on a division."""
    divided = clips.assign(split='')
    for name, positions in fold.splits.items():
        divided.loc[positions, 'split'] = name
    check = CheckSettings(classes=dataset.classes, seed=settings.seed)
    found = [
        *duplicates.check_identical_bytes(divided, check),
        *duplicates.check_listed_twice(divided, check),
        *duplicates.check_look_alikes(divided, check),
        *leakage.check_recordings(divided, check),
        *leakage.leakage_problems(leakage.leakage_scores(divided, check)),
    ]
    table = problem_table(problem for problem in found if problem.code in _ACROSS)
    return table.assign(fold=fold.name)


_ACROSS = (*LEAKS, 'near_identical_across_splits')


def _describe_leaks(leaks: pd.DataFrame) -> str:
    shown = [
        f'  {row.code}: {" ".join(filter(None, (row.fold, row.split, row.path, row.detail)))}'
        for row in leaks.head(8).itertuples()
    ]
    more = [f'  and {len(leaks) - 8} more'] if len(leaks) > 8 else []
    return '\n'.join(
        [
            'the split leaks, so nothing was written:',
            *shown,
            *more,
            'Keep recordings together with --group-regex or --group-column, find scenes that look '
            'alike with --group-from-scenes, or write it anyway with --allow-leak.',
        ]
    )


def count_clips(clips: pd.DataFrame, fold: Fold, classes: Sequence[str]) -> pd.DataFrame:
    """Clips by class (rows) and split (columns)."""
    columns = {
        name: clips['label'].iloc[positions].str.split(MULTI_LABEL_SEPARATOR).explode()
        for name, positions in fold.splits.items()
    }
    counts = {name: labels.value_counts() for name, labels in columns.items()}
    return pd.DataFrame(counts).reindex(classes).fillna(0).astype(int)
