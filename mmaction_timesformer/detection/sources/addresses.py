"""URLs of cameras and services: whether they can work, and secrets from the environment."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit, urlunsplit

from video_clips.safe_names import safe_name

_FORMERLY_KEPT = re.compile(
    r'(channel|channelid|chn|ch|camera|cameraid|cam|id|src|subtype|stream|streamid|streamtype'
    r'|profile|track|inst|resolution|fps|codec|videocodec|unicast|proto|transportmode)=[\w./-]*',
    re.IGNORECASE,
)
_VARIABLE = re.compile(r'\$\{([A-Za-z_][A-Za-z0-9_]*)\}')


def former_name(url: str) -> str:
    """Name a URL as the first version did, to find its records."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ''
    host = parts.netloc.rpartition('@')[2]
    query = filter(_FORMERLY_KEPT.fullmatch, re.split('[&;]', parts.query))
    return urlunsplit((parts.scheme, host, parts.path, '&'.join(query), ''))


def fill_in(text: str) -> str:
    """Replace ``${NAME}`` by environment variables, so that the process list shows no password.

    Raises:
        ValueError: A variable is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ValueError(f'the environment variable {found[1]} is not set')
        return os.environ[found[1]]

    return _VARIABLE.sub(value, text)


def check_url(url: str, schemes: tuple[str, ...], kind: str) -> None:
    """Check that a service's URL can work at all.

    Args:
        url: The URL; errors show its `safe_name`.
        schemes: Those allowed.
        kind: The service, for errors.

    Raises:
        ValueError: It cannot.
    """
    name = safe_name(url)
    allowed = ' or '.join(f'{scheme}://' for scheme in schemes)
    if not url.startswith(tuple(f'{scheme}://' for scheme in schemes)):
        raise ValueError(f'{kind} {name} must begin with {allowed}')
    if re.search(r'[\x00-\x20\x7f]', url):
        raise ValueError(f'{kind} {name} holds a space or control character; write it as %20')
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or '', parts.port
        host.encode('idna')
    except ValueError:
        raise ValueError(f'{kind} {name} has an invalid host or port') from None
    if not host or port == 0:
        raise ValueError(f'{kind} {name} has no host' if not host else f'{kind} {name}: port 0')
    if not url.isascii():
        raise ValueError(f'{kind} {name} holds characters that must be written as %XX')
