"""Inputs of an analysis: a folder-per-class tree, annotation files as splits, or a list of both.

Each reader ends in a `DatasetInput`: one row for each annotated clip, before anything is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from data_analysis.inputs.folders import (
    find_clips_in_splits,
    notes_in_place_of_log,
    notes_on_files_left_out,
    split_folders,
)
from data_analysis.inputs.sampler import SamplerSettings
from video_clips.annotation_files import class_names_in, read_clips
from video_clips.clip import Clip, find_clips, looks_like_video, recording_of
from video_clips.labels import MULTI_LABEL_SEPARATOR, LabelReader, as_indices
from video_clips.reading.remote import (
    find_remote_clips,
    is_remote,
    join_path,
    without_password,
)

_UNKNOWN_NAMES_FROM = 1_000_000
_MOST_EMPTY_CLASSES = 1000

INPUT_COLUMNS = ('path', 'file', 'label', 'split', 'recording', 'start_seconds', 'end_seconds')


@dataclass(frozen=True)
class DatasetInput:
    """Annotated clips and how training will read them.

    Attributes:
        clips: One row a clip with `INPUT_COLUMNS`: `path` as annotated, `file` as it is opened,
            `label` the class name(s) joined by `;`, empty texts for what is not known.
        classes: Class names in index order; empty where nothing is labelled.
        source: Where the clips come from, for the report.
        multi_label: Whether a clip may have several classes.
        sampler: The clip sampler, if the source tells it.
        decoder: The reader, if the source tells it; `unknown` if it has none that is known here.
        pipeline: Names of the steps that a clip goes through, if the source tells them.
        notes: What a reader must know of the input: files that were left out, what is not known.
    """

    clips: pd.DataFrame
    classes: tuple[str, ...]
    source: Mapping[str, Any]
    multi_label: bool = False
    sampler: SamplerSettings | None = None
    decoder: str | None = None
    pipeline: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitFile:
    """One annotation file.

    Attributes:
        split: Name of the split.
        file: The annotation file.
        root: What its paths are relative to; empty for the working directory.
        delimiter: What separates path and label in a text list; by default white space.
    """

    split: str
    file: Path
    root: str = ''
    delimiter: str | None = None


@dataclass(frozen=True)
class _OpenLabelReader(LabelReader):
    """Reads any label: a wrong one becomes a finding of the report, not its end."""

    unknown_names: dict[str, int] = field(default_factory=dict)

    def _index(self, text: str) -> int:
        try:
            index = super()._index(text)
        except ValueError:
            index = _UNKNOWN_NAMES_FROM
        if index < _UNKNOWN_NAMES_FROM:
            return index
        if text in (self.classes or ()):  # an index that is not the class of the same name
            text = f'index {text}'
        return self.unknown_names.setdefault(text, _UNKNOWN_NAMES_FROM + len(self.unknown_names))

    def name(self, index: int) -> str:
        """The class name of an index, or the text of a label that is no class."""
        if index >= _UNKNOWN_NAMES_FROM:
            return list(self.unknown_names)[index - _UNKNOWN_NAMES_FROM]
        if self.classes is not None and 0 <= index < len(self.classes):
            return self.classes[index]
        return str(index)


def input_from_folder(
    root: str, classes: Sequence[str] | None = None, recording_regex: str | None = None
) -> DatasetInput:
    """Read a folder of videos.

    A subfolder for each class is the rule. Subfolders train, val and test with class folders in
    them are splits; a folder of videos without subfolders is a set without labels.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It holds no video.
    """
    notes = []
    split_of: dict[str, str] = {}
    if is_remote(root):
        clips, found = find_remote_clips(root, classes, recording_regex)
    elif videos := _videos_in(Path(root)):
        clips = [
            Clip(path, None, recording_of(path, recording_regex) if recording_regex else None)
            for path in videos
        ]
        found = tuple(classes or ())
        notes.append(
            f'{root} has no subfolders, so its {len(clips)} videos have no labels; put each class '
            'into a subfolder of its own'
        )
    elif folders := split_folders(root, classes):
        clips, found, split_of = find_clips_in_splits(root, folders, classes, recording_regex)
        notes.append(f'the subfolders {", ".join(folders)} of {root} are splits')
    else:
        with notes_in_place_of_log():
            clips, found = find_clips(root, classes, recording_regex)
    if not is_remote(root):
        notes += notes_on_files_left_out(root)
    rows = [
        (
            clip.path,
            join_path(root, clip.path),
            '' if clip.label is None else found[as_indices(clip.label)[0]],
            split_of.get(clip.path, ''),
            clip.recording or '',
            None,
            None,
        )
        for clip in clips
    ]
    source = {'kind': 'folder', 'root': without_password(root)}
    return DatasetInput(_table(rows), found, source, notes=tuple(notes))


def _videos_in(folder: Path) -> list[str]:
    """Videos that lie directly in a folder that has no subfolder with videos."""
    if not folder.is_dir():
        return []
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith('.')]
    if any(entry.is_dir() for entry in entries):
        return []
    return sorted(entry.name for entry in entries if looks_like_video(entry))


def input_from_annotations(
    splits: Sequence[SplitFile],
    classes: Sequence[str] | None = None,
    recording_regex: str | None = None,
    recording_column: str = 'recording',
) -> DatasetInput:
    """Reads annotation files, each a split of its own.

    Args:
        splits: The files.
        classes: Class names in index order; by default the names that CSV files use, else the
            indices themselves.
        recording_regex: Tells a clip's recording from its path where no column does.
        recording_column: The CSV column that tells it.

    Raises:
        FileNotFoundError: An annotation file is missing.
        ValueError: One cannot be read, or none was given.
    """
    if not splits:
        raise ValueError('no annotation file was given')
    named = tuple(classes) if classes else class_names_in(s.file for s in splits if _is_csv(s.file))
    labels = _OpenLabelReader(named or None, multi_label=True)
    rows, multi_label, indices_found = [], False, set[int]()
    for split in splits:
        column = recording_column if _is_csv(split.file) else 'recording'
        for clip in read_clips(
            split.file, labels, delimiter=split.delimiter, recording_column=column
        ):
            indices = as_indices(clip.label)
            multi_label |= len(indices) > 1
            indices_found.update(i for i in indices if i < _UNKNOWN_NAMES_FROM)
            recording = clip.recording
            if recording is None and recording_regex:
                recording = recording_of(clip.path, recording_regex)
            rows.append(
                (
                    clip.path,
                    join_path(split.root, clip.path),
                    MULTI_LABEL_SEPARATOR.join(map(labels.name, indices)),
                    split.split,
                    recording or '',
                    clip.start_seconds,
                    clip.end_seconds,
                )
            )
    # An index far above all others is a wrong label, not a sign of thousands of empty classes.
    plausible = [i for i in indices_found if i < max(_MOST_EMPTY_CLASSES, 2 * len(rows))]
    classes = named or tuple(map(str, range(max(plausible, default=-1) + 1)))
    source = {
        'kind': 'annotations',
        'splits': {
            s.split: {'file': str(s.file), 'root': without_password(s.root)} for s in splits
        },
    }
    return DatasetInput(_table(rows), classes, source, multi_label)


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == '.csv'


def _table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    # Python's strings, since Arrow's refuse file names that are not valid Unicode.
    with pd.option_context('mode.string_storage', 'python'):
        clips = pd.DataFrame(rows, columns=list(INPUT_COLUMNS))
    return clips.astype({'start_seconds': float, 'end_seconds': float})
