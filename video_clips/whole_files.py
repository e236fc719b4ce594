"""Files and folders that are complete or not there: written beside their place, then renamed."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from video_clips.plain_data import parse_json

LISTING = '.written.json'
"""Names of the files that were written, for the next run into the same folder."""


@contextmanager
def written_beside(file: str | Path) -> Iterator[Path]:
    """Give a path to write to that becomes the file if the block ends without an error.

    Args:
        file: The file to make or replace; its folder is made if it is missing.

    Yields:
        A hidden path in the same folder with the same suffix, which no other writer has.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    prefix = f'.{file.stem[:_LONGEST_PREFIX]}.'
    with _naming(file):
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=file.suffix, dir=file.parent)
    os.close(handle)
    partial = Path(name)
    try:
        # mkstemp keeps others out; an ordinary file has the rights that the process gives.
        partial.chmod(0o666 & ~_umask())
        with naming_failed_writes(file, partial):
            yield partial
            os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def naming_failed_writes(file: str | Path, partial: str | Path = '') -> Iterator[None]:
    """Name the file in an error of writing it.

    On a full disk or over a quota the system names none, and the writers of PyTorch and safetensors
    not even the reason in a way that programs read.

    Args:
        file: The file or folder that would have been written.
        partial: The name that it has until it is whole.

    Raises:
        OSError: It cannot be written.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            place = _final_place(error, Path(file), partial)
            if place is None:
                raise
            raise OSError(error.errno, os.strerror(error.errno), place) from None
        if not (found := _WRITERS.search(str(error))):
            raise
        number = int(found['number'] or errno.EIO)
        raise OSError(number, f'cannot be written: {os.strerror(number)}', str(file)) from error


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name a file in place of the hidden name under which it could not be begun."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(file)) from None


def _final_place(error: OSError, file: Path, partial: str | Path) -> str | None:
    """Where what was to be written would have been; None for an error about something else."""
    name = error.filename
    if name is None:
        return str(file) if error.errno in _OF_WRITING else None
    if str(partial) and isinstance(name, str) and Path(name).is_relative_to(partial):
        return str(file / Path(name).relative_to(partial))
    return None


_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


_WRITERS = re.compile(
    r'inline_container|PytorchStreamWriter|I/?o ?error.*os error (?P<number>\d+)'
    r'|\d+ requested and \d+ written',
    re.IGNORECASE | re.DOTALL,
)
_UNFINISHED_SECONDS = 3600.0
_LONGEST_PREFIX = 100
"""A name that is nearly as long as names may be leaves no room for more."""


@contextmanager
def write_atomically(file: str | Path) -> Iterator[TextIO]:
    """Open a text file for writing that takes its name only if the block ends without an error.

    Args:
        file: The file to make or replace; its folder is made if it is missing.

    Yields:
        A UTF-8 text stream. It passes on bytes of file names that are not UTF-8 as they were read.
    """
    with (
        written_beside(file) as partial,
        partial.open('w', encoding='utf-8', errors='surrogateescape', newline='') as stream,
    ):
        yield stream


def check_writable(folder: str | Path) -> None:
    """Raise OSError, which names the folder, if no file can be written into it.

    For commands that work long before they write. Where the folder is still to be made, the
    nearest one above it is tried.
    """
    there = Path(folder).absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix='.writable.') as probe:
            probe.write(bytes(4096))
            probe.flush()
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(folder)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def staged_folder(out: str | Path) -> Iterator[Path]:
    """Fill a folder beside its place; it takes its name only if the block ends without an error.

    In a folder that is there already, first what an earlier run wrote goes, then the new files
    come: even one that is cut off there leaves no files of two runs. Other files stay, but for
    those of the same name.

    Args:
        out: The folder to make or to renew.

    Yields:
        Where to write.

    Raises:
        ValueError: ``out`` is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f'{out} is a file; name a folder')
    with folder_beside(out) as staging:
        yield staging
        written = sorted(file.relative_to(staging) for file in _files(staging))
        (staging / LISTING).write_text(json.dumps([str(name) for name in written]))
        # mkdtemp keeps others out; an ordinary folder has the rights of its parent.
        staging.chmod(out.parent.stat().st_mode & 0o777)
        if not out.exists():
            os.replace(staging, out)
            return
        _remove_written(out)
        for name in (Path(LISTING), *written):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, out / name)


@contextmanager
def folder_beside(target: str | Path) -> Iterator[Path]:
    """Give a hidden folder beside a file or folder that is being made, for what that takes.

    It goes when the block ends; one that a killed process left an hour ago or more goes first.

    Args:
        target: What is being made; errors of writing name it.

    Yields:
        The folder.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f'.{target.name[:_LONGEST_PREFIX]}.'
    for left in target.parent.glob(f'{glob.escape(prefix)}*'):
        if left.is_dir() and time.time() - left.stat().st_mtime > _UNFINISHED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with _naming(target):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with naming_failed_writes(target, folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob('*') if path.is_file())


def _listed(file: Path) -> list[str]:
    try:
        names = parse_json(file.read_text(encoding='utf-8'))
    except ValueError:
        return []
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list else []


def _remove_written(out: Path) -> None:
    """Remove what an earlier run listed, and folders that are empty then."""
    if not (out / LISTING).is_file():
        return
    listed = [out / name for name in _listed(out / LISTING)]
    for file in listed:
        # A folder from elsewhere may list anything.
        if file.is_file() and file.resolve().is_relative_to(out.resolve()):
            file.unlink()
    folders = {folder for file in listed for folder in file.parents if out in folder.parents}
    for folder in sorted(folders, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
