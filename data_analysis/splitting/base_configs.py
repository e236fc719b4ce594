"""Copies of a recipe's configs beside the data, so that a prepared config needs nothing else."""

from __future__ import annotations

import ast
import os
import shutil
from pathlib import Path

from video_clips.whole_files import written_beside


def copy_config(base: Path, folder: Path) -> Path:
    """Copy a config and all that it inherits from.

    Args:
        base: The config.
        folder: The copies lie in it as the originals lie beneath their common folder.

    Returns:
        The copy of `base`.

    Raises:
        FileNotFoundError: One of them is missing.
    """
    files = _with_bases(base.resolve(), [])
    root = Path(os.path.commonpath([file.parent for file in files]))
    for file in files:
        copy = folder / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(copy) as partial:
            shutil.copyfile(file, partial)
    return folder / files[0].relative_to(root)


def _with_bases(file: Path, found: list[Path]) -> list[Path]:
    """A config and its bases, each once; those of other packages (``mmaction::``) stay there."""
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such config to inherit from')
    if file not in found:
        found.append(file)
        for name in _bases_in(file):
            if '::' not in name:
                _with_bases((file.parent / name).resolve(), found)
    return found


def _bases_in(file: Path) -> list[str]:
    for line in ast.parse(file.read_text(encoding='utf-8'), str(file)).body:
        if (
            isinstance(line, ast.Assign)
            and isinstance(line.targets[0], ast.Name)
            and line.targets[0].id == '_base_'
        ):
            bases = ast.literal_eval(line.value)
            return [bases] if isinstance(bases, str) else list(bases)
    return []
