"""Folders that are complete or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged_folder(out: str | Path) -> Iterator[Path]:
    """Fill a folder beside its place; it takes its name only if the block ends without an error.

    In a folder that is there already, the new files replace those of the same name one by one.

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
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f'.{out.name}.', dir=out.parent))
    try:
        yield staging
        # mkdtemp keeps others out; an ordinary folder has the rights of its parent.
        staging.chmod(out.parent.stat().st_mode & 0o777)
        if not out.exists():
            os.replace(staging, out)
            return
        for file in sorted(path for path in staging.rglob('*') if path.is_file()):
            target = out / file.relative_to(staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
