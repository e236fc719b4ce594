"""Downloads of weights: whole, checked, and only then under their name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.request import Request, urlopen

import torch
from mmengine.dist import barrier, is_main_process

from mmaction_timesformer.models.checkpoints.public_weights import cached_name, find_public_weights
from video_clips.safe_names import public_file_name

MAX_BYTES = 16 * 2**30
"""Of a download; the largest public file has under 2 GiB."""
TIMEOUT_SECONDS = 60
"""Longest silence of a server."""

_BLOCK = 2**20


def fetch(url: str, check: Callable[[Path], object]) -> Path:
    """Fetch a file into PyTorch's folder of downloads, unless it is there already.

    It is written beside its place and gets its name when its hash, where the table of public
    weights has one, and its contents are in order. With several processes the first one downloads.

    Args:
        url: Address of the file.
        check: Raises ``ValueError`` for a file that is not what it should be.

    Raises:
        ConnectionError: The server did not give the file.
        ValueError: The file is damaged, too large, or has another hash.
    """
    target = cached_path(url)
    if is_main_process() and not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        unchecked = target.with_name(f'{target.name}.{os.getpid()}.unchecked')
        name = public_file_name(url)
        try:
            digest = _write(url, unchecked)
            _check_hash(url, digest)
            check(unchecked)
            unchecked.replace(target)
        except (OSError, HTTPException) as error:
            # An error's text may have the whole address in it.
            reason = str(error).replace(url, name)
            raise ConnectionError(f'{name} cannot be downloaded: {reason}') from None
        except ValueError as error:
            raise ValueError(f'{name}: {str(error).replace(str(unchecked), "it")}') from None
        finally:
            unchecked.unlink(missing_ok=True)
    barrier()
    return target


def cached_path(url: str) -> Path:
    """Locate the copy of a download: files of different addresses often have the same name."""
    return Path(torch.hub.get_dir()) / 'checkpoints' / cached_name(url)


def _write(url: str, file: Path) -> str:
    """Write a download to a file and return its SHA-256."""
    request = Request(url, headers={'User-Agent': 'mmaction_timesformer'})
    with urlopen(request, timeout=TIMEOUT_SECONDS) as response, file.open('wb') as output:
        promised = response.headers.get('Content-Length')
        digest, num_bytes = _copy(response, output)
    if promised is not None and promised.isdecimal() and num_bytes != int(promised):
        raise ValueError(f'the download broke off after {num_bytes:,} of {int(promised):,} bytes')
    return digest


def _copy(response: IO[bytes], output: IO[bytes]) -> tuple[str, int]:
    digest, num_bytes = hashlib.sha256(), 0
    while block := response.read(_BLOCK):
        num_bytes += len(block)
        if num_bytes > MAX_BYTES:
            raise ValueError(f'the download has more than {MAX_BYTES:,} bytes, the limit')
        digest.update(block)
        output.write(block)
    return digest.hexdigest(), num_bytes


def _check_hash(url: str, digest: str) -> None:
    known = find_public_weights(url)
    if known and not digest.startswith(known.sha256):
        raise ValueError(
            f'the download is not the file it should be: its SHA-256 begins with {digest[:8]}, '
            f'expected {known.sha256}'
        )
