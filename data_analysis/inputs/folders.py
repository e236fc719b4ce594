"""Contents of a folder beside class folders: splits, and files that are not videos."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from video_clips.clip import Clip, describe_left_out, find_clips, list_videos
from video_clips.labels import as_indices, check_class_names

_SPLITS = {
    'train': 'train',
    'training': 'train',
    'val': 'val',
    'valid': 'val',
    'validation': 'val',
    'test': 'test',
    'testing': 'test',
}
_MOST_NAMED = 3


def split_folders(root: str | Path, classes: Sequence[str] | None = None) -> dict[str, str]:
    """The subfolders that are splits, mapped to the splits' names.

    Returns:
        Nothing unless all subfolders have such names, train among them, and `classes` does not
        name them.
    """
    root = Path(root)
    if not root.is_dir():
        return {}
    names = [entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != '.']
    splits = {name: _SPLITS[name.lower()] for name in sorted(names) if name.lower() in _SPLITS}
    if len(splits) < len(names) or 'train' not in splits.values() or len(names) < 2:
        return {}
    if set(splits) & set(classes or ()):
        return {}
    if len(set(splits.values())) < len(splits):
        raise ValueError(
            f'{root}: several of the subfolders {", ".join(splits)} are the same split'
        )
    return splits


def find_clips_in_splits(
    root: str,
    folders: Mapping[str, str],
    classes: Sequence[str] | None = None,
    recording_regex: str | None = None,
) -> tuple[list[Clip], tuple[str, ...], dict[str, str]]:
    """Find the clips of class folders inside of split folders.

    Returns:
        The clips, with paths relative to `root`; the class names; the split of each path.

    Raises:
        ValueError: A split has no class folders.
    """
    found: dict[str, tuple[list[Clip], tuple[str, ...]]] = {}
    for folder in folders:
        try:
            with notes_in_place_of_log():
                found[folder] = find_clips(Path(root, folder), None, recording_regex)
        except ValueError as error:
            raise ValueError(
                f'{error}. {", ".join(folders)} in {root} look like splits; if they are the '
                f'classes, name them with --classes {",".join(folders)}'
            ) from None
    names = {name for _, own in found.values() for name in own}
    known = check_class_names(sorted(names) if classes is None else classes)
    if unknown := sorted(names - set(known)):
        raise ValueError(f'{root}: the subfolders {", ".join(unknown)} are none of the classes')
    clips, split_of = [], {}
    for folder, (own_clips, own_names) in found.items():
        for clip in own_clips:
            path = f'{folder}/{clip.path}'
            label = known.index(own_names[as_indices(clip.label)[0]])
            clips.append(replace(clip, path=path, label=label))
            split_of[path] = folders[folder]
    return clips, known, split_of


def notes_on_files_left_out(root: str | Path) -> list[str]:
    """Sentences that count and name what is not read: other files, videos beside class folders."""
    root = Path(root)
    videos, others = list_videos(root)
    notes = []
    if others:
        notes.append(f'{root}: {describe_left_out(file.relative_to(root) for file in others)}')
    outside = [video.name for video in videos if video.parent == root]
    if outside and len(outside) < len(videos):
        named = ', '.join(outside[:_MOST_NAMED]) + (', ...' if len(outside) > _MOST_NAMED else '')
        notes.append(
            f'{root}: {len(outside)} videos lie beside the class folders and are left out: {named}'
        )
    return notes


@contextmanager
def notes_in_place_of_log() -> Iterator[None]:
    """Keep `find_clips` from logging what notes say."""
    log = logging.getLogger(find_clips.__module__)
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = False
