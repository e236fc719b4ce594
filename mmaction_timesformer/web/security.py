"""Who may talk to the server, and what a page may do.

- The ``Host`` header must be an address that the server was started for, or another site could
  reach a loopback server through a name that it points there (DNS rebinding).
- A request that changes something needs the secret of the pages in a header, which no other site
  can read or send; one that a browser marks as coming from another site is refused in any case.
- Any address but loopback needs a token: opened once as ``/?token=...``, then kept in a cookie that
  scripts cannot read and other sites cannot send.
- A strict content security policy: scripts, styles, pictures and connections of this server alone,
  nothing inline, no frames.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_HEADER = 'x-page-secret'
COOKIE = 'yard_token'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Of finished reports, whose scripts are inline: an origin of their own that connects nowhere."""
_HEADERS = {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
}
_SAFE = ('GET', 'HEAD', 'OPTIONS')


@dataclass(frozen=True)
class Access:
    """Who may talk to the server.

    Attributes:
        hosts: Values of the ``Host`` header, lower case, that are answered.
        secret: The secret of this folder; it lasts over restarts, so open pages go on.
        needs_token: Whether a request must show the token.
    """

    hosts: frozenset[str]
    secret: str
    needs_token: bool

    @property
    def csrf(self) -> str:
        """CSRF token, which a page sends back with each change."""
        return self._derive('page')

    @property
    def token(self) -> str:
        """Token that opens the pages from elsewhere."""
        return self._derive('token')

    def _derive(self, purpose: str) -> str:
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()[:43]


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str, port: int, names: Iterable[str] = ()) -> frozenset[str]:
    """Values of the ``Host`` header that are answered.

    Args:
        host: The address that the server listens on.
        port: Its port.
        names: More names or addresses of this machine, as people type them.
    """
    loopback = ['localhost', '127.0.0.1', '[::1]']
    own = [f'[{host}]' if ':' in host else host]
    found = [*(loopback if is_loopback(host) or host in ('0.0.0.0', '::') else []), *own, *names]
    return frozenset(f'{name.lower()}:{port}' for name in found)


def read_secret(file: Path) -> str:
    """Read the secret of a folder, or make one that only this user can read.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if text := file.read_text(encoding='ascii').strip():
            return text
        file.unlink()  # a kill between its making and its writing
        return read_secret(file)
    with os.fdopen(descriptor, 'w', encoding='ascii') as stream:
        secret = secrets.token_urlsafe(32)
        stream.write(secret)
    return secret


class Guard:
    """Checks every request before the pages see it, and adds the headers to every answer.

    Args:
        app: The pages.
        access: Who may talk.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope['type'] == 'lifespan':
            await self._app(scope, receive, send)
            return
        if scope['type'] != 'http':
            return  # no web sockets

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault('cache-control', 'no-store')
            await send(message)

        answer = self._refuse(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get('host', '').lower() not in self._access.hosts:
            return _error(421, 'this server does not answer to that name; see --name')
        if self._access.needs_token and (answer := self._check_token(scope, headers)) is not None:
            return answer
        if scope['method'] in _SAFE:
            return None
        if headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
            return _error(403, 'another site may not change anything here')
        if not _equal(headers.get(CSRF_HEADER, ''), self._access.csrf):
            return _error(403, 'this page is not of this server; load it again')
        return None

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        try:
            cookies = SimpleCookie(headers.get('cookie', ''))
        except CookieError:
            cookies = SimpleCookie()
        if COOKIE in cookies and _equal(cookies[COOKIE].value, self._access.token):
            return None
        query = parse_qs(scope['query_string'].decode('latin-1'))
        if scope['method'] == 'GET' and _equal(query.get('token', [''])[0], self._access.token):
            response = RedirectResponse(scope['path'], 303)
            response.set_cookie(COOKIE, self._access.token, httponly=True, samesite='strict')
            return response
        return _error(401, 'open the address with ?token=... that tools/serve.py has printed')


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode('utf-8', 'replace'), wanted.encode())


def _error(status: int, text: str) -> Response:
    return JSONResponse({'error': text}, status)
