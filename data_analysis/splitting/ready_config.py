"""A config for a dataset that was just prepared: a project config with data and classes set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_analysis.inputs.mmaction_config import parse_config
from video_clips.whole_files import write_atomically

_SPLIT_OF_LOADER = {
    'train_dataloader': ('train',),
    # Where there is no validation list, the test list is the best that there is, and the reverse.
    'val_dataloader': ('val', 'test'),
    'test_dataloader': ('test', 'val'),
}


def write_ready_config(
    file: Path,
    *,
    base: Path,
    videos: str,
    classes: Sequence[str],
    lists: Mapping[str, str],
    multi_label: bool = False,
) -> Path:
    """Writes a config that inherits from another and trains on these lists.

    Args:
        file: The config; the lists lie beside it.
        base: The config to inherit from.
        videos: Folder of the videos.
        classes: Class names in index order.
        lists: File names of the lists by split.
        multi_label: Whether clips have several classes.

    Returns:
        `file`.

    Raises:
        FileNotFoundError: There is no such base.
    """
    if not base.is_file():
        raise FileNotFoundError(f'{base}: no such config to inherit from')
    lines = [
        f'_base_ = {str(base.resolve())!r}',
        '',
        "data_root = '{{ fileDirname }}'",
        f'data_prefix = dict(video={_absolute(videos)!r})',
        f'metainfo = dict(classes={tuple(classes)!r})',
        '',
        f'model = {_literal(_with_num_classes(_model_of(base), len(classes)))}',
    ]
    for loader, preferred in _SPLIT_OF_LOADER.items():
        found = next((split for split in preferred if split in lists), None)
        if found is None:
            raise ValueError(f'{file}: there is no list for {loader}, only {", ".join(lists)}')
        lines += [
            f'{loader} = dict(',
            '    dataset=dict(',
            "        type='LabeledVideoDataset',",
            '        data_root=data_root,',
            f'        ann_file={lists[found]!r},',
            '        data_prefix=data_prefix,',
            '        metainfo=metainfo,',
            *(['        multi_class=True,'] if multi_label else []),
            '    )',
            ')',
        ]
    with write_atomically(file) as stream:
        stream.write('\n'.join(lines) + '\n')
    return file


def _absolute(videos: str) -> str:
    return videos if '://' in videos else str(Path(videos).resolve())


def _model_of(base: Path) -> Mapping[str, Any]:
    try:
        return parse_config(base).get('model') or {}
    except ImportError:  # without mmengine the head alone is known to have classes
        return {'cls_head': {'num_classes': 0}}


def _with_num_classes(model: Any, number: int) -> Any:
    """What must be overridden so that everything in a model has this number of classes.

    A list cannot be overridden in part, so one with a `num_classes` anywhere in it is given whole.
    """
    if isinstance(model, Mapping):
        parts = {key: _with_num_classes(value, number) for key, value in model.items()}
        if 'num_classes' in model:
            parts['num_classes'] = number
        return {key: part for key, part in parts.items() if part not in ({}, None)}
    if isinstance(model, (list, tuple)):
        changed = [_with_num_classes(item, number) for item in model]
        if any(part not in ({}, None) for part in changed):
            return [_merged(item, part) for item, part in zip(model, changed, strict=True)]
    return None


def _merged(item: Any, part: Any) -> Any:
    return {**item, **part} if isinstance(item, Mapping) and part else item


def _literal(value: Any) -> str:
    """Python source in the style of the project's configs: `dict(...)`, not braces."""
    if isinstance(value, Mapping):
        return f'dict({", ".join(f"{key}={_literal(item)}" for key, item in value.items())})'
    if isinstance(value, list):
        return f'[{", ".join(map(_literal, value))}]'
    return repr(value)
