"""The clips of a study, and the folds: each camera is predicted by models that never saw it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from data_analysis.inputs.datasets import (
    DatasetInput,
    SplitFile,
    input_from_annotations,
    input_from_folder,
)


@dataclass(frozen=True)
class StudyClips:
    """Labelled clips of several cameras.

    Attributes:
        files: N paths.
        labels: (N,) classes.
        groups: (N,) names of cameras, or of recordings where cameras are not known.
        classes: K names.
        sites: (N,) names of what is left out together, whole cameras; by default the cameras.
    """

    files: tuple[str, ...]
    labels: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]
    sites: np.ndarray | None = None

    @property
    def left_out(self) -> np.ndarray:
        """(N,) names of what is left out together."""
        return self.groups if self.sites is None else self.sites

    def __len__(self) -> int:
        return len(self.files)

    @property
    def fingerprint(self) -> str:
        """Changes with the files' names and sizes and with the labels."""
        digest = hashlib.sha256()
        for file, label in zip(self.files, self.labels.tolist(), strict=True):
            digest.update(f'{file}\t{os.path.getsize(file)}\t{label}\n'.encode('utf-8', 'replace'))
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Fold:
    """A camera, or all cameras of a site, left out.

    Attributes:
        name: The camera or the site.
        train: Numbers of clips to learn from.
        test: Numbers of clips to predict.
    """

    name: str
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class ClipSource:
    """Where the clips of a study come from.

    Attributes:
        folder: Of the videos; its ``clips.csv`` is used if there is one.
        csv: A list of clips and labels, paths below ``folder``.
        group_column: Its column of cameras; by default ``camera``, else ``recording``.
        group_regex: Tells the camera from the path where there is no list.
        site_column: Its column of what is left out together; by default each camera by itself.
    """

    folder: Path
    csv: Path | None = None
    group_column: str | None = None
    group_regex: str | None = None
    site_column: str | None = None


def read_clips(source: ClipSource) -> StudyClips:
    """Read a folder per class, or clips listed in a CSV file.

    Raises:
        FileNotFoundError: There is no such folder or list.
        ValueError: Clips without one label or without a camera, or one camera only.
    """
    folder, csv = source.folder, source.csv
    if csv is None and (folder / 'clips.csv').is_file():
        csv = folder / 'clips.csv'
    if csv is None:
        dataset = input_from_folder(str(folder), None, source.group_regex)
    else:
        column = source.group_column or _column_of(csv)
        dataset = input_from_annotations([SplitFile('', csv, str(folder))], recording_column=column)
    clips = _from_dataset(dataset)
    if source.site_column is None:
        return clips
    if csv is None:
        raise ValueError('--site-column names a column of --csv')
    return replace(clips, sites=_sites(csv, source.site_column, folder, clips))


def _sites(csv: Path, column: str, folder: Path, clips: StudyClips) -> np.ndarray:
    table = pd.read_csv(csv, dtype=str)
    if column not in table:
        raise ValueError(f'{csv}: has no column {column!r}, only {list(table.columns)}')
    paths = table['path' if 'path' in table else 'filename'].map(lambda name: str(folder / name))
    site_of = dict(zip(paths, table[column].astype(str), strict=True))
    sites = np.array([site_of[file] for file in clips.files])
    if len(set(sites)) < 2:
        raise ValueError(f'all clips are of one site, {sites[0]}: there is none to leave out')
    return sites


def _column_of(csv: Path) -> str:
    names = csv.open(encoding='utf-8').readline().strip().split(',')
    return 'camera' if 'camera' in names else 'recording'


def _from_dataset(dataset: DatasetInput) -> StudyClips:
    clips = dataset.clips
    if dataset.multi_label or (clips['label'] == '').any():
        raise ValueError('a study needs exactly one label a clip')
    groups = clips['recording'].fillna('').astype(str).to_numpy()
    if (groups == '').any():
        raise ValueError(
            'it is not known which camera took which clip: name a column of --csv by '
            '--group-column, give --group-regex, or let tools/prepare_dataset.py '
            '--group-from-scenes find groups and give a list that it wrote as --csv'
        )
    if len(set(groups)) < 2:
        raise ValueError(f'all clips are of one camera, {groups[0]}: there is none to leave out')
    numbers = {name: number for number, name in enumerate(dataset.classes)}
    labels = np.array([numbers[label] for label in clips['label']])
    return StudyClips(tuple(clips['file']), labels, groups, tuple(dataset.classes))


def leave_one_out(clips: StudyClips) -> list[Fold]:
    """A fold for each camera or site.

    Clips with the same bytes as one left out are not learned from.

    Raises:
        ValueError: A fold shares a recording.
    """
    contents = np.array([_content(file) for file in clips.files])
    folds = []
    for name in np.unique(clips.left_out):
        test = np.flatnonzero(clips.left_out == name)
        known = np.isin(contents, contents[test])
        train = np.flatnonzero((clips.left_out != name) & ~known)
        folds.append(Fold(str(name), train, test))
    check_folds(folds, clips.groups)
    return folds


def check_folds(folds: list[Fold], groups: np.ndarray) -> None:
    """Refuse folds that share a recording or clips.

    Raises:
        ValueError: Names the fold and the recording.
    """
    for fold in folds:
        if shared := sorted(set(groups[fold.train]) & set(groups[fold.test])):
            raise ValueError(
                f'fold {fold.name}: {", ".join(shared)} is learned from and predicted; a '
                'recording may be on one side only'
            )
    tested = np.concatenate([fold.test for fold in folds])
    if len(np.unique(tested)) < len(tested):
        raise ValueError('folds predict a clip twice')


def _content(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def batches(number: int, size: int) -> Iterator[range]:
    """Ranges of at most ``size`` that cover 0 to ``number``."""
    for start in range(0, number, size):
        yield range(start, min(start + size, number))
