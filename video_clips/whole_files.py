"""Files that are complete or not there: written beside their place, then renamed."""

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
        except BaseException:
            os.unlink(stream.name)
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
