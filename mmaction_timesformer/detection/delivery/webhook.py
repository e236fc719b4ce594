"""Delivery of records to a webhook."""

from __future__ import annotations

import base64
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from mmaction_timesformer.detection.delivery.outbox import DeliveryError, RejectedError
from mmaction_timesformer.detection.sources.addresses import check_url
from video_clips.safe_names import safe_name

# The receiver looked at this record and does not want it; everything else may change.
_REFUSED = (400, 409, 413, 415, 422)
# No answer is read further than this.
_MAX_ANSWER_BYTES = 1 << 16


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send a GET without a body, and the token along.

    Built-in handlers turn what is not followed into an `HTTPError`.
    """

    def redirect_request(self, *_: Any) -> None:
        """Do not follow."""


class _PlainConnection(HTTPConnection):
    """Remembers its socket, which urllib takes away once the head of the answer has come."""

    opened: socket.socket | None = None

    def connect(self) -> None:
        """Connect."""
        super().connect()
        self.opened = self.sock


class _SecureConnection(HTTPSConnection, _PlainConnection):
    """The same, over TLS."""

    def connect(self) -> None:
        """Connect, and remember the socket that TLS has put in place of the first."""
        super().connect()
        self.opened = self.sock


class _KnownConnections(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Keeps the connection that is open, so that a time limit can end it."""

    def __init__(self) -> None:
        urllib.request.HTTPHandler.__init__(self)
        urllib.request.HTTPSHandler.__init__(self)
        self.connection: _PlainConnection | None = None

    def _connect(self, kind: type[_PlainConnection], host: str, **options: Any) -> HTTPConnection:
        self.connection = kind(host, **options)
        return self.connection

    def http_open(self, request: urllib.request.Request) -> HTTPResponse:
        """Open a connection."""
        return self.do_open(partial(self._connect, _PlainConnection), request)

    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        """Open a connection."""
        return self.do_open(partial(self._connect, _SecureConnection), request)

    @contextmanager
    def ended_after(self, seconds: float) -> Iterator[threading.Event]:
        """End whatever connection is open after that time; an event tells that it happened."""
        is_late = threading.Event()
        is_done = threading.Event()

        def end() -> None:
            if not is_done.wait(seconds):
                is_late.set()
                self._shut_down()
                # Once more each second: a handshake may replace the socket.
                while not is_done.wait(1.0):
                    self._shut_down()

        threading.Thread(target=end, name='webhook time limit', daemon=True).start()
        try:
            yield is_late
        finally:
            is_done.set()

    def _shut_down(self) -> None:
        connection = self.connection
        open_socket = None if connection is None else connection.sock or connection.opened
        if open_socket is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)


class Webhook:
    """Posts each record as JSON.

    The header ``Idempotency-Key`` is the same at every try, so a receiver can tell repetitions.

    Args:
        url: Address, http or https; a user and password in it are sent as basic authentication.
        token: Sent as ``Authorization: Bearer``, if there is one.
        timeout_seconds: Limit of the whole exchange.

    Attributes:
        name: The URL as it may be shown.

    Raises:
        ValueError: The URL can never work.
    """

    def __init__(self, url: str, token: str | None = None, timeout_seconds: float = 10.0) -> None:
        check_url(url, ('http', 'https'), 'webhook')
        self.name = safe_name(url)
        parts = urlsplit(url)
        user, _, self._host = parts.netloc.rpartition('@')
        self._url = urlunsplit(parts._replace(netloc=self._host, fragment=''))
        self._headers = {'Content-Type': 'application/json'}
        if token:
            if not token.isascii() or not token.isprintable():
                raise ValueError('the token of the webhook holds characters that no header may')
            self._headers['Authorization'] = f'Bearer {token}'
        elif user:
            plain = unquote(user) if ':' in user else f'{unquote(user)}:'
            coded = base64.b64encode(plain.encode()).decode()
            self._headers['Authorization'] = f'Basic {coded}'
        self._timeout_seconds = timeout_seconds
        self._connections = _KnownConnections()
        self._opener = urllib.request.build_opener(_StayHere, self._connections)

    def __call__(self, key: str, record: dict[str, Any]) -> None:
        """Post one record.

        Raises:
            DeliveryError: No answer in time, or one that may change: the address, the token or the
                receiver must be mended.
            RejectedError: The receiver refuses the record.
        """
        body = json.dumps(record, ensure_ascii=False).encode('utf-8', 'backslashreplace')
        headers = {**self._headers, 'Idempotency-Key': key}
        request = urllib.request.Request(self._url, body, headers, method='POST')
        with self._connections.ended_after(self._timeout_seconds) as is_late:
            try:
                with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                    answer.read(_MAX_ANSWER_BYTES)
            except urllib.error.HTTPError as error:
                with error:
                    raise self._refusal(error) from None
            except (OSError, HTTPException, ValueError) as error:
                if is_late.is_set():
                    limit = f'{self._timeout_seconds:g} s'
                    raise DeliveryError(f'{self.name} does not answer within {limit}') from None
                reason = getattr(error, 'reason', None) or type(error).__name__
                raise DeliveryError(f'{self.name} does not answer: {reason}') from None
            if is_late.is_set():
                raise DeliveryError(f'{self.name} does not answer in time')

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        if 300 <= error.code < 400:
            target = safe_name(error.headers.get('Location') or '')
            return DeliveryError(f'{self.name} has moved to {target}: name that address')
        if error.code in _REFUSED:
            return RejectedError(f'{self.name} answers {error.code}')
        hint = ' (is the token valid?)' if error.code in (401, 403) else ''
        return DeliveryError(f'{self.name} answers {error.code}{hint}')
