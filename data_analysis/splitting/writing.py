"""The files of a division: lists, the table of who is where, and the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.copies import CacheCount, write_list_of_copies
from data_analysis.inputs.datasets import DatasetInput
from data_analysis.measuring.tables import harmless_cells
from data_analysis.splitting.ready_config import ReadyConfig, write_ready_config
from data_analysis.splitting.splits import Fold, nested_fractions
from video_clips.annotation_files import write_annotations
from video_clips.clip import Clip
from video_clips.labels import MULTI_LABEL_SEPARATOR
from video_clips.whole_files import write_atomically

_BREAKS = ('\n', '\r')


@dataclass(frozen=True)
class Division:
    """Values that all folds of a division share.

    Attributes:
        out: Folder of the lists; folds have a folder each below it.
        root: Folder of the videos.
        base_config: The config that the written ones inherit from.
        dataset: Where the clips come from.
        percents: Nested parts of train to list, too.
        seed: For those parts.
        settings: Further values for the configs.
        copies: The copies to train on, below `out`/copies; None for the videos themselves.
    """

    out: Path
    root: str
    base_config: Path
    dataset: DatasetInput
    percents: Sequence[int] = ()
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    copies: CacheCount | None = None


def write_division(clips: pd.DataFrame, groups: np.ndarray, fold: Fold, division: Division) -> Path:
    """Write lists, table and config of a fold; return the config."""
    folder = division.out / fold.name if fold.name else division.out
    suffixes = _suffixes(clips)
    _write_lists(clips, fold, division, folder, suffixes)
    _write_table(clips, groups, fold, folder)
    lists = {name: f'{name}{suffixes[-1]}' for name in fold.splits}
    videos = division.root
    if division.copies is not None:
        videos = str(division.out / 'copies')
        for name, file in lists.items():
            lists[name] = f'{name}_copies{suffixes[-1]}'
            write_list_of_copies(
                folder / file, folder / lists[name], division.root, division.copies
            )
    # Each data set and fold trains in a folder of its own.
    name = '_'.join(filter(None, (division.out.resolve().name, fold.name)))
    return write_ready_config(
        folder / 'config.py',
        ReadyConfig(
            base=division.base_config,
            videos=videos,
            classes=division.dataset.classes,
            lists=lists,
            multi_label=division.dataset.multi_label,
            settings={'work_dir': f'work_dirs/{name}', **division.settings},
            home=division.out,
        ),
    )


def _write_lists(
    clips: pd.DataFrame, fold: Fold, division: Division, folder: Path, suffixes: Sequence[str]
) -> None:
    fractions = nested_fractions(
        clips['label'].to_numpy(), fold.splits['train'], division.percents, division.seed
    )
    parts = {f'train_{percent}': part for percent, part in fractions.items() if percent < 100}
    for (name, positions), suffix in product({**fold.splits, **parts}.items(), suffixes):
        rows = clips.iloc[positions].itertuples()
        write_annotations(
            folder / f'{name}{suffix}',
            [_clip_of(row, division.dataset, suffix) for row in rows],
            division.dataset.classes,
        )


def _write_table(clips: pd.DataFrame, groups: np.ndarray, fold: Fold, folder: Path) -> None:
    split_of = pd.Series('', index=clips.index)
    for name, positions in fold.splits.items():
        split_of.iloc[positions] = name
    table = clips[['path', 'label', 'recording']].assign(group=groups, split=split_of)
    with write_atomically(folder / 'split.csv') as stream:
        harmless_cells(table).to_csv(stream, index=False, lineterminator='\n')


def _suffixes(clips: pd.DataFrame) -> tuple[str, ...]:
    """mmaction2's text lists and, for what they have no room for, CSV; training reads the last."""
    has_parts = clips[['start_seconds', 'end_seconds']].notna().any(axis=None)
    if has_parts or clips['path'].str.contains('|'.join(_BREAKS)).any():
        return ('.csv',)
    return ('.txt', '.csv') if (clips['recording'] != '').any() else ('.txt',)


def _clip_of(row: Any, dataset: DatasetInput, suffix: str) -> Clip:
    indices = tuple(dataset.classes.index(name) for name in row.label.split(MULTI_LABEL_SEPARATOR))
    label = indices if dataset.multi_label else indices[0]
    if suffix == '.txt':
        return Clip(row.path, label)
    start, end = (
        None if np.isnan(seconds) else float(seconds)
        for seconds in (row.start_seconds, row.end_seconds)
    )
    return Clip(row.path, label, row.recording or None, start, end)
