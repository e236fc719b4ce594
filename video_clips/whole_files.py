"""Files that are complete or not there: written beside their place, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO


@contextmanager
def write_atomically(file: str | Path) -> Iterator[TextIO]:
    """Open a text file for writing that takes its name only if the block ends without an error.

    Args:
        file: The file to make or replace; its folder is made if it is missing.

    Yields:
        A UTF-8 text stream. It passes on bytes of file names that are no UTF-8 as they were read.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        'w',
        encoding='utf-8',
        errors='surrogateescape',
        newline='',
        dir=file.parent,
        prefix=f'.{file.name}.',
        delete=False,
    ) as stream:
        try:
            yield stream  # type: ignore[misc]
            stream.flush()
            os.chmod(stream.name, 0o666 & ~_umask())
            os.replace(stream.name, file)
        except BaseException as error:
            os.unlink(stream.name)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise OSError(error.errno, os.strerror(error.errno), str(file)) from None
            raise


@contextmanager
def written_beside(file: str | Path) -> Iterator[Path]:
    """A path to write to that becomes the file if the block ends without an error.

    Args:
        file: The file to make or replace; its folder is made if it is missing.

    Yields:
        A hidden path in the same folder, with the same suffix.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f'.{file.stem}.part{file.suffix}')
    try:
        yield partial
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(folder: str | Path) -> None:
    """Raise OSError, which names the folder, if no file can be written into it."""
    try:
        with NamedTemporaryFile(dir=folder, prefix='.writable.') as probe:
            probe.write(bytes(4096))
            probe.flush()
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(folder)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
