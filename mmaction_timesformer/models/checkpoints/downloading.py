"""Downloads of weights: whole, checked, and only then under their name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import torch
from mmengine.dist import barrier, is_main_process

from .families import find_public_weights


def download(url: str, check: Callable[[Path], object]) -> Path:
    """Fetch a file into PyTorch's folder of downloads, unless it is there already.

    It is written beside its place and gets its name when its hash, where the table of public
    weights has one, and its contents are in order. With several processes the first one downloads.

    Args:
        url: Where the file is.
        check: Raises ``ValueError`` for a file that is not what it should be.

    Raises:
        ConnectionError: The server did not give the file.
        ValueError: The file is damaged or has another hash.
    """
    target = cached_path(url)
    if is_main_process() and not target.is_file():
        _fetch(url, target, check)
    barrier()
    return target


def cached_path(url: str) -> Path:
    """Where a download is kept: files of different addresses often have the same name."""
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    digest = hashlib.sha256(url.encode()).hexdigest()[:10]
    return folder / f'{digest}-{Path(urlsplit(url).path).name}'


def _fetch(url: str, target: Path, check: Callable[[Path], object]) -> None:
    known = find_public_weights(url)
    unchecked = target.with_name(f'{target.name}.{os.getpid()}.unchecked')
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(
            url, str(unchecked), (known.sha256 if known else '') or None, progress=os.isatty(2)
        )
        check(unchecked)
        unchecked.replace(target)
    except URLError as error:
        raise ConnectionError(f'{url} cannot be downloaded: {error}') from error
    except RuntimeError as error:
        raise ValueError(f'{url}: the download is not the file it should be: {error}') from error
    except ValueError as error:
        raise ValueError(f'{url}: {error}') from error
    finally:
        unchecked.unlink(missing_ok=True)
