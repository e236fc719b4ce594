"""A config for a dataset that was just prepared: a project config with data and classes set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_analysis.inputs.mmaction_config import parse_config
from video_clips.labels import check_class_names, refuse_templates
from video_clips.whole_files import write_atomically

_SPLIT_OF_LOADER = {
    'train_dataloader': ('train',),
    # Where there is no validation list, the test list is the best that there is, and the reverse.
    'val_dataloader': ('val', 'test'),
    'test_dataloader': ('test', 'val'),
}
_HERE = '{{ fileDirname }}'
_BREAKS_A_LITERAL = frozenset('\'"\\\r\n')


@dataclass(frozen=True)
class ReadyConfig:
    """Contents of a generated config.

    Attributes:
        base: The config to inherit from.
        videos: Folder of the videos.
        classes: Class names in index order.
        lists: File names of the lists by split; they lie beside the config.
        multi_label: Whether clips have several classes.
        settings: Further values to set, such as `work_dir`, `detection` or `load_from`.
        home: Folder that may be moved as a whole: paths in it are written as relative ones.
    """

    base: Path
    videos: str
    classes: Sequence[str]
    lists: Mapping[str, str]
    multi_label: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    home: Path | None = None

    def path_of(self, path: Path, config: Path) -> str:
        """A path as the config writes it: relative to itself, below `home`, or absolute."""
        resolved = path.resolve()
        if self.home is None or not resolved.is_relative_to(self.home.resolve()):
            return str(resolved)
        return Path(os.path.relpath(resolved, config.parent.resolve())).as_posix()


def write_ready_config(file: Path, ready: ReadyConfig) -> Path:
    """Writes a config that inherits from another and trains on these lists.

    Args:
        file: The config; the lists lie beside it.
        ready: What it says.

    Returns:
        `file`.

    Raises:
        FileNotFoundError: There is no such base.
        ValueError: A list is missing, or a path or a class name holds a template of mmengine.
    """
    text = ready_text(file, ready)
    with write_atomically(file) as stream:
        stream.write(text)
    return file


def ready_text(file: Path, ready: ReadyConfig) -> str:
    """The text of such a config; the arguments and errors are those of `write_ready_config`."""
    if not ready.base.is_file():
        raise FileNotFoundError(f'{ready.base}: no such config to inherit from')
    folder, base, videos = str(file.parent.resolve()), ready.path_of(ready.base, file), ready.videos
    videos = videos if '://' in videos else ready.path_of(Path(videos), file)
    for path in (base, folder, videos):
        refuse_templates(path, 'the path')
    classes = check_class_names(ready.classes)
    # mmengine pastes the folder into the text of the config, so that the config may be moved; where
    # that would not be a literal any more, the folder is written down.
    data_root = folder if _BREAKS_A_LITERAL & set(folder) else _HERE
    lines = [
        f'_base_ = {_literal(base)}',
        '',
        f"data_root = '{_HERE}'" if data_root == _HERE else f'data_root = {_literal(data_root)}',
        f'data_prefix = dict(video={_literal(videos)})',
        f'metainfo = dict(classes={_literal(classes)})',
        '',
        f'model = {_literal(_with_num_classes(_model_of(ready.base), len(classes)))}',
    ]
    for loader, preferred in _SPLIT_OF_LOADER.items():
        found = next((split for split in preferred if split in ready.lists), None)
        if found is None:
            raise ValueError(
                f'{file}: there is no list for {loader}, only {", ".join(ready.lists)}'
            )
        lines += [
            f'{loader} = dict(',
            '    dataset=dict(',
            "        type='LabeledVideoDataset',",
            '        data_root=data_root,',
            f'        ann_file={_literal(ready.lists[found])},',
            '        data_prefix=data_prefix,',
            '        metainfo=metainfo,',
            *(['        multi_class=True,'] if ready.multi_label else []),
            '    )',
            ')',
        ]
    lines += [f'{name} = {_literal(value)}' for name, value in ready.settings.items()]
    return '\n'.join(lines) + '\n'


def _model_of(base: Path) -> Mapping[str, Any]:
    try:
        return parse_config(base).get('model') or {}
    except ImportError:  # without mmengine the head alone is known to have classes
        return {'cls_head': {'num_classes': 0}}


def _with_num_classes(model: Any, number: int) -> Any:
    """Overrides that give everything in a model this number of classes.

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
    """Python source in the style of the project's configs: `dict(...)`, not braces.

    Braces inside of texts are escaped, so that mmengine finds no template in any value.
    """
    if isinstance(value, Mapping):
        if all(str(key).isidentifier() for key in value):
            return f'dict({", ".join(f"{key}={_literal(item)}" for key, item in value.items())})'
        pairs = (f'{_literal(key)}: {_literal(item)}' for key, item in value.items())
        return '{' + ', '.join(pairs) + '}'
    if isinstance(value, list):
        return f'[{", ".join(map(_literal, value))}]'
    if isinstance(value, tuple):
        return f'({"".join(f"{_literal(item)}, " for item in value).rstrip()})'
    return ascii(value).replace('{', r'\x7b') if isinstance(value, str) else repr(value)
