"""Checks of a file of weights: before it is read, and of its contents before anything uses them.

A file may be damaged, or made by a stranger to exhaust the memory or to reach code by a name that
is used elsewhere. Each check raises a ``ValueError`` that says what is wrong.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch
from torch import Tensor

from video_clips.plain_data import parse_json
from video_clips.safe_pickles import check_instructions

MAX_PICKLE_INSTRUCTIONS = 1_000_000
"""Of the pickle in a checkpoint; one parameter takes about 30, with its optimizer state 100."""
MAX_JSON_BYTES = 32 * 2**20
"""Of a file beside the weights; the index of a large model has less than one MiB."""
MAX_WRAPPERS = 8
"""Mappings inside each other around the parameters; real files have up to two."""

_ZIP_START = b'PK\x03\x04'
_PICKLES_OF_OLD_FORMAT = 5


def check_file(path: Path) -> None:
    """Check one of PyTorch's files: checksums, and what it would take to read it.

    Raises:
        ValueError: It is damaged, or would take far more memory than its size.
    """
    with path.open('rb') as stream:
        try:
            if stream.read(4) == _ZIP_START:
                _check_archive(stream, path.stat().st_size)
                return
            stream.seek(0)
            for _ in range(_PICKLES_OF_OLD_FORMAT):
                check_instructions(stream, MAX_PICKLE_INSTRUCTIONS)
        except UnpicklingError as error:
            raise ValueError(str(error)) from None


def _check_archive(stream: IO[bytes], num_bytes: int) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > num_bytes:
                raise ValueError(
                    f'it has {num_bytes:,} bytes and would unpack to {unpacked:,}; the limit is '
                    'its own size, because PyTorch stores weights without compression'
                )
            if wrong := archive.testzip():
                raise ValueError(f'{wrong!r} in it does not have its checksum')
            for name in archive.namelist():
                if name.endswith('data.pkl'):
                    with archive.open(name) as pickled:
                        check_instructions(pickled, MAX_PICKLE_INSTRUCTIONS)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f'not a whole archive: {error}') from None


def is_whole(path: Path) -> bool:
    """Tell whether a checkpoint is whole: one that a kill or a full disk cut short is not."""
    try:
        check_file(path)
    except (ValueError, OSError):
        return False
    return True


def check_contents(checkpoint: Mapping[str, Any], state_dict: Mapping[str, Any]) -> None:
    """Check what a file holds.

    Args:
        checkpoint: Everything in it.
        state_dict: Its parameters.

    Raises:
        ValueError: Names are not text, a tensor is not dense, stands for more numbers than the
            file has for it, or ``meta`` is not what training writes.
    """
    for name, value in state_dict.items():
        if not isinstance(name, str):
            raise ValueError(
                f'{name!r:.60} is a {type(name).__name__}, not the name of a parameter'
            )
        if isinstance(value, Tensor):
            _check_tensor(name, value)
    # The file itself may be the parameters, and one of them may have that name.
    meta = None if checkpoint is state_dict else checkpoint.get('meta')
    if meta is not None:
        check_meta(meta)


def _check_tensor(name: str, value: Tensor) -> None:
    if value.layout is not torch.strided or value.is_nested or value.is_quantized:
        raise ValueError(f'{name} is a sparse, nested or quantized tensor; read are dense ones')
    if value.is_meta:
        raise ValueError(f'{name} has a shape and no numbers: it was saved from a meta device')
    claimed = value.numel() * value.element_size()
    if claimed > (held := value.untyped_storage().nbytes()):
        raise ValueError(
            f'{name} takes {claimed:,} bytes, and the file has {held:,} for it, which is the limit'
        )


def check_meta(meta: Any) -> None:
    """Check what training has written beside the weights.

    Class names enter generated configs, where ``{{`` begins a template that mmengine evaluates.

    Raises:
        ValueError: It, its data set's facts or the class names have another type, or a class name
            holds ``{{``.
    """
    if not isinstance(meta, Mapping):
        raise ValueError(f"'meta' is a {type(meta).__name__}, not a mapping")
    facts = meta.get('dataset_meta')
    if not isinstance(facts, Mapping | None):
        raise ValueError(f"'dataset_meta' is a {type(facts).__name__}, not a mapping")
    for owner, key in ((facts or {}, 'classes'), (meta, 'CLASSES')):
        classes = owner.get(key)
        if not isinstance(classes, list | tuple | None):
            raise ValueError(f'{key!r} is a {type(classes).__name__}, not a list of class names')
        for name in classes or ():
            if '{{' in str(name):
                raise ValueError(
                    f'the class name {name!r:.60} is refused: it holds a template, {{{{'
                )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: The file is larger than ``MAX_JSON_BYTES``, not JSON, nested too deeply, or no
            object.
    """
    if (num_bytes := path.stat().st_size) > MAX_JSON_BYTES:
        raise ValueError(f'{path} has {num_bytes:,} bytes; the limit is {MAX_JSON_BYTES:,}')
    try:
        content = parse_json(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} holds a {type(content).__name__}, not an object')
    return content


def refuse_non_finite(state_dict: Mapping[str, Any], source: object = '') -> None:
    """Refuse weights with NaN or infinity, whose model gives no probability for anything.

    For models that judge: detection would see no event, and exit without an error.

    Args:
        state_dict: Parameters and buffers.
        source: Where they come from, for the message.

    Raises:
        ValueError: A parameter holds such a number.
    """
    # The sum is finite unless a number is not, or the numbers are too large to add.
    wrong = [
        name
        for name, value in state_dict.items()
        if isinstance(value, Tensor)
        and (value.is_floating_point() or value.is_complex())
        and not bool(_in_common_type(value).sum().isfinite())
        and not bool(_in_common_type(value).isfinite().all())
    ]
    if wrong:
        raise ValueError(
            f'{source or "the weights"}: {len(wrong)} of {len(state_dict)} parameters hold NaN or '
            f'infinity: {", ".join(wrong[:3])}; choose a checkpoint from before training diverged'
        )


def _in_common_type(value: Tensor) -> Tensor:
    """Numbers of one byte as larger ones: nothing sums them."""
    return value.float() if value.is_floating_point() and value.element_size() == 1 else value
