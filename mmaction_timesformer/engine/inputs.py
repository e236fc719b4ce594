"""The words of a command line as a config and files that are there, or one clear error."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from mmengine.config import Config

from video_clips.commands import num_cores

_CONFIGS = ('.py', '.yaml', '.yml', '.json')
_CHECKPOINTS = ('.pth', '.pt', '.pyth', '.ckpt', '.safetensors', '.bin')


def read_config(file: str) -> Config:
    """Read a config.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: It is not a config, or cannot be read as one.
    """
    path = Path(file)
    if path.suffix in _CHECKPOINTS:
        raise ValueError(f'{file} is a checkpoint, not a config: are the arguments swapped?')
    if not path.is_file():
        raise FileNotFoundError(f'{file}: no such config')
    if path.suffix not in _CONFIGS:
        raise ValueError(f'{file} is not a config; its name must end in {", ".join(_CONFIGS)}')
    try:
        return Config.fromfile(file)
    except Exception as error:  # a config is a program: anything may go wrong in it
        reason = str(error).strip().splitlines() or ['']
        raise ValueError(
            f'{file} cannot be read as a config: {type(error).__name__}: {reason[-1]}'
        ) from error


def check_checkpoint(checkpoint: str) -> None:
    """Raise what is wrong with the name of a checkpoint.

    Raises:
        FileNotFoundError: Nothing is there; the message names checkpoints in the same folder.
        ValueError: It is a config.
    """
    path = Path(checkpoint)
    if '://' in checkpoint or path.is_dir():
        return
    if path.suffix in _CONFIGS:
        raise ValueError(f'{checkpoint} is a config, not a checkpoint: are the arguments swapped?')
    if path.is_file():
        return
    message = f'there is no checkpoint at {checkpoint}'
    if any(letter in checkpoint for letter in '*?['):
        found = sorted(glob.glob(checkpoint))
        message += f'; the pattern matches {", ".join(found)}' if found else ' (a pattern)'
    beside = sorted(file.name for suffix in _CHECKPOINTS for file in path.parent.glob(f'*{suffix}'))
    if beside:
        message += f'; {path.parent} has {", ".join(beside)}'
    raise FileNotFoundError(message)


def limit_workers(cfg: Config, num_processes: int = 1) -> None:
    """Start no more loader workers than there are cores: more take time from each other.

    Args:
        cfg: Changed in place.
        num_processes: Processes that train side by side on this machine.
    """
    limit = max(1, num_cores() // num_processes)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader: dict[str, Any] = cfg.get(name) or {}
        if loader.get('num_workers', 0) > limit:
            loader['num_workers'] = limit
