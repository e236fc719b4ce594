"""Reading files of weights, without ever running what is in them.

Files, directories as Hugging Face writes them, and URLs; PyTorch's archives are read with
``weights_only=True``, and safetensors hold no code. Whatever is wrong with a file is said in one
``ValueError`` that names it. mmengine's loader is told of these readers for local paths and for
http(s), under patterns of their own, so that ``load_from`` and ``init_cfg`` use them.
"""

from __future__ import annotations

import json
import pickle
import re
import struct
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors import SafetensorError
from safetensors.torch import load_file

from .downloading import download
from .preprocessing import Preprocessing

WRAPPERS = ('state_dict', 'model_state', 'model_state_dict', 'model', 'module')
"""Keys under which files keep their parameters."""

_DAMAGED = (
    RuntimeError,
    EOFError,
    KeyError,
    IndexError,
    ValueError,
    AttributeError,
    AssertionError,
    TypeError,
    OverflowError,
    MemoryError,
    OSError,
    struct.error,
    pickle.UnpicklingError,
)
_WEIGHT_FILES = ('model.safetensors', 'pytorch_model.bin')


def read_checkpoint(source: str | Path, map_location: Any = 'cpu') -> dict[str, Any]:
    """Read weights and what is saved with them.

    Args:
        source: A file, a directory with ``model.safetensors`` or ``pytorch_model.bin``, or a URL.
        map_location: As in ``torch.load``.

    Returns:
        What the file holds, its parameters under ``state_dict``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no file of weights, damaged, or has code in it.
    """
    if str(source).startswith(('http://', 'https://')):
        path = download(str(source), check=lambda file: _read_file(file, 'cpu'))
        return _named(_read_file(path, map_location), str(source))
    path = Path(source).expanduser()
    if path.is_dir():
        return _named(_read_directory(path, map_location), str(source), _read_preprocessing(path))
    beside = _read_preprocessing(path.parent) if path.name in _WEIGHT_FILES else None
    return _named(_read_file(path, map_location), str(source), beside)


def unwrap(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters among what a file holds, without the ``module.`` of a parallel model."""
    for key in WRAPPERS:
        if isinstance(checkpoint.get(key), Mapping):
            return unwrap(checkpoint[key])
    if checkpoint and all(str(name).startswith('module.') for name in checkpoint):
        return {name.removeprefix('module.'): value for name, value in checkpoint.items()}
    return checkpoint


def _named(
    checkpoint: Mapping[str, Any], source: str, preprocessing: Preprocessing | None = None
) -> dict[str, Any]:
    """Put the parameters under ``state_dict`` and write on them where they come from."""
    parameters = unwrap(checkpoint)
    metadata = dict(getattr(parameters, '_metadata', {}))
    metadata[''] = {**metadata.get('', {}), 'source': source, 'preprocessing': preprocessing}
    state_dict = OrderedDict(parameters)
    state_dict._metadata = metadata  # type: ignore[attr-defined]  # PyTorch's own way
    rest = {} if parameters is checkpoint else checkpoint
    return {**rest, 'state_dict': state_dict}


def _read_directory(folder: Path, map_location: Any) -> Mapping[str, Any]:
    for name in _WEIGHT_FILES:
        if (folder / name).is_file():
            return _read_file(folder / name, map_location)
        index = folder / f'{name}.index.json'
        if index.is_file():
            shards = sorted(set(_read_json(index).get('weight_map', {}).values()))
            if not shards:
                raise ValueError(f'{index} names no files of weights')
            parts = [_read_file(folder / Path(shard).name, map_location) for shard in shards]
            return {name: value for part in parts for name, value in part.items()}
    raise FileNotFoundError(f'{folder} holds no weights: neither {" nor ".join(_WEIGHT_FILES)}')


def _read_file(path: Path, map_location: Any) -> Mapping[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of weights')
    with path.open('rb') as file:
        start = file.read(512)
    _check_start(path, start)
    if path.suffix == '.safetensors' or start[8:10] == b'{"':
        return _read_safetensors(path, map_location)
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except _DAMAGED as error:
        raise ValueError(f'{path}: {_explain(error)}') from error
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f'{path} holds a {type(checkpoint).__name__}, not parameters by name')
    return checkpoint


def _check_start(path: Path, start: bytes) -> None:
    text = start.lstrip().lower()
    if not text:
        raise ValueError(f'{path} is empty: download it again')
    if text.startswith((b'<!doctype', b'<html', b'<?xml', b'<head')):
        raise ValueError(
            f'{path} is a web page, not weights: download the file itself '
            '(a Dropbox link must end in dl=1, a Hugging Face link must have /resolve/ in it)'
        )
    if text.startswith(b'version https://git-lfs'):
        raise ValueError(f'{path} is a pointer of Git LFS, not the file: run "git lfs pull"')


def _read_safetensors(path: Path, map_location: Any) -> Mapping[str, Any]:
    device = str(map_location) if isinstance(map_location, str | torch.device) else 'cpu'
    try:
        return load_file(path, device=device)
    except SafetensorError as error:
        raise ValueError(f'{path} is damaged or not a safetensors file: {error}') from error


def _explain(error: Exception) -> str:
    """One sentence of what ``torch.load`` says in a dozen, without its advice to trust the file."""
    message = str(error)
    if found := re.search(r'GLOBAL (\S+)', message):
        return (
            f'refused, because it holds more than weights: {found[1]}, which could be code that '
            'does harm; nothing of it was run. Where you trust it, save its weights by themselves'
        )
    if 'TorchScript' in message:
        return 'is a TorchScript program, not weights'
    reason = '' if isinstance(error, pickle.UnpicklingError) else message.strip().partition('\n')[0]
    return (
        f'damaged, truncated, or not a file of PyTorch weights ({reason or type(error).__name__})'
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON: {error}') from error
    return content if isinstance(content, dict) else {}


def _read_preprocessing(folder: Path) -> Preprocessing | None:
    """What Hugging Face's and timm's files beside the weights say of their inputs."""
    for name, inside, mean, std in (
        ('preprocessor_config.json', None, 'image_mean', 'image_std'),
        ('config.json', 'pretrained_cfg', 'mean', 'std'),
    ):
        if (folder / name).is_file():
            content = _read_json(folder / name)
            content = content.get(inside, {}) if inside else content
            means, stds = content.get(mean), content.get(std)
            if isinstance(means, list) and isinstance(stds, list):
                return Preprocessing(tuple(means), tuple(stds))
    return None


def load_from_file(filename: str, map_location: Any = None) -> dict[str, Any]:
    """:func:`read_checkpoint`, as mmengine calls it for a local path."""
    return read_checkpoint(filename, map_location)


def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """:func:`read_checkpoint`, as mmengine calls it for a URL."""
    return read_checkpoint(filename, map_location)


def register_readers() -> None:
    """Tell mmengine's loader of these readers; schemes of its own, such as s3://, stay its own.

    mmengine tries its patterns in falling alphabetical order. Ours come before its ``''`` and
    ``http://``, and after everything else.
    """
    for pattern, reader in (('(?s:.)', load_from_file), ('https?://', load_from_url)):
        if pattern not in CheckpointLoader._schemes:
            CheckpointLoader.register_scheme(pattern, reader)


register_readers()
