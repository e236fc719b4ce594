"""Names for addresses that may hold passwords: safe to log, to store and to show.

Passwords stand in user information, queries, fragments, path segments and mistyped parts, so no
part of an address but its scheme and host is shown. A fingerprint keeps two addresses apart.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import PurePosixPath

_ADDRESS = re.compile(
    r'(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)(?P<mark>[:;]?[/\\\\]*)(?P<rest>.*)', re.DOTALL
)
_SCHEMES = re.compile('https?|rtsps?|rtmps?|mqtts?|wss?|s?ftp|s3|gs|srt', re.IGNORECASE)
_WITHOUT_SCHEME = re.compile(
    r'//|[^@]*:[^@]*@|.*://|[\w.-]+:\d+/|.*(pass|pwd|token|secret|user)\w*[=:]'
    r'|www\.|(\d{1,3}\.){3}\d{1,3}/|[\w.-]+\.(com|net|org|tv|local|lan)/',
    re.I | re.S,
)
# A URL with a mistyped scheme is no file either; its text may hold a password.
_LIKE_URL = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+:/|.*[@=]')
_HOST = re.compile(r'[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]')
_FILE = re.compile(r'[\w+-]{1,100}\.(pth|pyth|pt|bin|safetensors|pt2|onnx)')


def public_name(address: str) -> str:
    """Name an address without anything that could be a secret.

    Args:
        address: A URL, whole or mistyped, or a path of this machine.

    Returns:
        ``https://host#a1b2c3d4``: scheme, host and the first 8 digits of the address's SHA-256. The
        host is left out where it could be part of a password. What looks like an address without
        a scheme and names no file of this machine is a fingerprint alone. A path is returned as it
        is.
    """
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        return _path_or_fingerprint(address)
    has_mark = len(match['mark']) > 1 or (match['mark'] and '@' in match['rest'])
    mistyped = has_mark and _SCHEMES.fullmatch(match['scheme'])
    if match['mark'] != '://' and not mistyped:
        return _path_or_fingerprint(address)
    # An @ behind the first delimiter may end a password or stand in a path, and behind three
    # slashes stands no host: then none is sure.
    authority = re.split(r'[/?#\\]', match['rest'], maxsplit=1)[0]
    host = authority.rpartition('@')[2]
    num_slashes = len(match['mark'].lstrip(':;'))
    is_sure = match['rest'].count('@') == authority.count('@') and num_slashes <= 2
    found = _HOST.match(host) if is_sure else None
    # One word alone may be a password whose host was forgotten.
    is_host = found and (found[0] != match['rest'] or '.' in found[0] or ':' in found[0])
    shown = found[0] if found and is_host else ''
    return f'{match["scheme"].lower()}://{shown}#{_fingerprint(address)}'


def safe_name(url: str) -> str:
    """Name a URL by its scheme, host and fingerprint; what is no URL by a fingerprint alone."""
    name = public_name(url)
    return f'#{_fingerprint(url)}' if name == url else name


def missing_name(text: str) -> str:
    """Name a text that names nothing here: a path, unless it could be a mistyped address."""
    return safe_name(text) if _LIKE_URL.match(text) else public_name(text)


def _path_or_fingerprint(text: str) -> str:
    """A path as it is; an address whose scheme was forgotten by its fingerprint alone."""
    is_address = _WITHOUT_SCHEME.match(text.strip()) and not os.path.lexists(text)
    return f'#{_fingerprint(text)}' if is_address else text


def _fingerprint(address: str) -> str:
    return hashlib.sha256(address.encode(errors='surrogateescape')).hexdigest()[:8]


def public_file_name(address: str) -> str:
    """Name a downloaded file of weights: :func:`public_name` and the last part of its path.

    The last part is shown only if it looks like the name of such a file.
    """
    name = public_name(address)
    if name == address:
        return name
    last = PurePosixPath(re.split(r'[?#]', address, maxsplit=1)[0]).name
    head, _, digest = name.rpartition('#')
    if head.endswith('//') or not _FILE.fullmatch(last):
        return name
    return f'{head}/.../{last}#{digest}'
