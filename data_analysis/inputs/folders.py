"""What a folder of videos holds beside class folders: splits, and files that are no videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from video_clips.clip import VIDEO_SUFFIXES, Clip, find_clips
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


def note_on_files_left_out(root: str | Path) -> list[str]:
    """A sentence that counts and names files that are not read, if there are any."""
    root = Path(root)
    files = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob('*'))
        if path.suffix.lower() not in VIDEO_SUFFIXES
        and not any(part.startswith('.') for part in path.relative_to(root).parts)
        and not path.is_dir()
    ]
    if not files:
        return []
    counted = Counter(PurePosixPath(file).suffix.lower() or 'no suffix' for file in files)
    kinds = ', '.join(f'{number} {kind}' for kind, number in counted.most_common())
    named = ', '.join(files[:_MOST_NAMED])
    more = f' and {len(files) - _MOST_NAMED} more' if len(files) > _MOST_NAMED else ''
    return [
        f'{len(files)} files in {root} do not end like videos and are left out ({kinds}): '
        f'{named}{more}'
    ]
