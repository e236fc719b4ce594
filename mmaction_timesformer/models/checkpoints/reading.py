"""Reading files of weights, without running anything that is in them.

Files, directories as Hugging Face writes them, and URLs; PyTorch's files are read with
``weights_only=True``, and safetensors hold no code. Whatever is wrong with a file is one
``ValueError`` that names it. mmengine's loader gets these readers for local paths and for http(s),
under patterns of their own, so that ``load_from`` and ``init_cfg`` use them.
"""

from __future__ import annotations

import os
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

from mmaction_timesformer.models.checkpoints.downloading import fetch
from mmaction_timesformer.models.checkpoints.guards import (
    MAX_WRAPPERS,
    check_contents,
    check_file,
    read_json,
)
from mmaction_timesformer.models.checkpoints.public_weights import (
    Preprocessing,
    find_public_weights,
)
from video_clips.safe_names import public_file_name
from video_clips.safe_pickles import memory_for

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
    """Read weights and everything that is saved with them.

    Args:
        source: A file, a work folder (see `find_checkpoint`), a directory with
            ``model.safetensors`` or ``pytorch_model.bin``, or a URL.
        map_location: As in ``torch.load``.

    Returns:
        The contents of the file, its parameters under ``state_dict``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a file of weights, is damaged, has code in it, would take far more
            memory than its size, or holds malformed contents.
    """
    text = str(source)
    if text.startswith(('http://', 'https://')):
        known = find_public_weights(text)
        content = _read_file(download(text), map_location)
        return _named(content, public_file_name(text), known.preprocessing if known else None)
    if (name := public_file_name(text)) != text:
        raise ValueError(f'{name}: weights are read from files, directories, http:// and https://')
    path = find_checkpoint(Path(source).expanduser())
    if os.path.isdir(path):
        return _named(_read_directory(path, map_location), text, _read_preprocessing(path))
    beside = _read_preprocessing(path.parent) if path.name in _WEIGHT_FILES else None
    return _named(_read_file(path, map_location), text, beside)


def find_checkpoint(path: Path) -> Path:
    """The best checkpoint of a training's work folder, else its last; any other path as it is."""
    if not os.path.isdir(path):
        return path
    best = sorted(path.glob('best_*.pth'), key=lambda file: file.stat().st_mtime)
    if best:
        return best[-1]
    note = path / 'last_checkpoint'
    if note.is_file():
        named = Path(note.read_text(encoding='utf-8').strip())
        # The folder may have been moved since.
        return next((file for file in (named, path / named.name) if file.is_file()), path)
    return path


def download(url: str) -> Path:
    """Fetch a file of weights, unless it is there already.

    Raises:
        ConnectionError: The server did not give the file.
        ValueError: The file is not one of weights, is damaged, or has another hash than the table.
    """
    return fetch(url, check=lambda file: _read_file(file, 'cpu'))


def unwrap(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the parameters in a file's contents, without the ``module.`` of a parallel model."""
    for _ in range(MAX_WRAPPERS):
        inside = [k for k in WRAPPERS if isinstance(checkpoint.get(k), Mapping)]
        if not inside:
            break
        checkpoint = checkpoint[inside[0]]
    else:
        raise ValueError(f'more than {MAX_WRAPPERS} mappings are around the parameters')
    if checkpoint and all(str(name).startswith('module.') for name in checkpoint):
        return {str(name).removeprefix('module.'): value for name, value in checkpoint.items()}
    return checkpoint


def _named(
    checkpoint: Mapping[str, Any], source: str, preprocessing: Preprocessing | None = None
) -> dict[str, Any]:
    """Put the parameters under ``state_dict`` and write on them where they come from."""
    try:
        parameters = unwrap(checkpoint)
        check_contents(checkpoint, parameters)
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from None
    metadata = getattr(parameters, '_metadata', None)
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    outermost = metadata.get('', {})
    outermost = dict(outermost) if isinstance(outermost, Mapping) else {}
    metadata[''] = {**outermost, 'source': source, 'preprocessing': preprocessing}
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
            parts = [_read_file(folder / shard, map_location) for shard in _read_shards(index)]
            return {name: value for part in parts for name, value in part.items()}
    raise FileNotFoundError(f'{folder} holds no weights: neither {" nor ".join(_WEIGHT_FILES)}')


def _read_shards(index: Path) -> list[str]:
    """Read the file names of an index; a path in one means the file of that name beside it."""
    names = read_json(index).get('weight_map')
    if not isinstance(names, dict) or not names:
        raise ValueError(f"{index} names no files of weights: it has no object 'weight_map'")
    if wrong := [name for name in names.values() if not isinstance(name, str)]:
        raise ValueError(f'{index} names no file of weights by {wrong[0]!r:.60}')
    return sorted({Path(name).name for name in names.values()})


def _read_file(path: Path, map_location: Any) -> Mapping[str, Any]:
    if not os.path.isfile(path):  # Path.is_file raises for a name that is too long.
        raise FileNotFoundError(f'{path}: no such file of weights')
    with path.open('rb') as file:
        start = file.read(512)
    _check_start(path, start)
    if path.suffix == '.safetensors' or start[8:10] == b'{"':
        return _read_safetensors(path, map_location)
    try:
        check_file(path)
        with memory_for(path.stat().st_size):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except (*_DAMAGED, RecursionError) as error:
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
    except (SafetensorError, *_DAMAGED) as error:
        raise ValueError(f'{path} is damaged or not a safetensors file: {error}') from error


def _explain(error: Exception) -> str:
    """Say in one sentence what ``torch.load`` says in a dozen, its advice to trust left out."""
    message = str(error)
    if found := re.search(r'GLOBAL (\S+)', message):
        return (
            f'refused, because it holds more than weights: {found[1]}, which could be code that '
            'does harm; nothing of it was run. Where you trust it, save its weights by themselves'
        )
    if 'TorchScript' in message:
        return 'is a TorchScript program, not weights'
    reason = message.strip().partition('\n')[0]
    if isinstance(error, pickle.UnpicklingError):
        # torch puts the reason behind its advice.
        reason = message.rpartition('WeightsUnpickler error:')[2].strip().partition('\n')[0]
        reason = '' if reason.startswith('Weights only load failed') else reason
    return (
        f'damaged, truncated, or not a file of PyTorch weights ({reason or type(error).__name__})'
    )


def _read_preprocessing(folder: Path) -> Preprocessing | None:
    """Read what Hugging Face's and timm's files beside the weights say of their inputs."""
    for name, inside, mean, std in (
        ('preprocessor_config.json', None, 'image_mean', 'image_std'),
        ('config.json', 'pretrained_cfg', 'mean', 'std'),
    ):
        if (folder / name).is_file():
            content = read_json(folder / name)
            content = content.get(inside, {}) if inside else content
            if not isinstance(content, dict):
                continue
            means, stds = _channels(content.get(mean)), _channels(content.get(std))
            if means and len(means) == len(stds):
                return Preprocessing(means, stds)
    return None


def _channels(values: Any) -> tuple[float, ...]:
    """One number per channel; none where they are something else."""
    is_numbers = isinstance(values, list) and all(isinstance(v, int | float) for v in values)
    return tuple(values) if is_numbers else ()


def load_from_file(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read weights for mmengine from a local path."""
    return read_checkpoint(filename, map_location)


def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read weights for mmengine from a URL."""
    return read_checkpoint(filename, map_location)


def register_readers() -> None:
    """Register these readers with mmengine; its own schemes, such as s3://, stay its own.

    mmengine tries its patterns in falling alphabetical order. These come before its ``''`` and
    ``http://``, and after everything else.
    """
    for pattern, reader in (('(?s:.)', load_from_file), ('https?://', load_from_url)):
        if pattern not in CheckpointLoader._schemes:
            CheckpointLoader.register_scheme(pattern, reader)


register_readers()
