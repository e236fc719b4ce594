"""Delivery of records to a webhook."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from mmaction_timesformer.detection.delivery.outbox import DeliveryError, RejectedError

# The server is there and asks for patience.
_TRY_LATER = (408, 425, 429)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would go on with a GET without a body, and take the token along.

    Built-in handlers turn what is not followed into an `HTTPError`.
    """

    def redirect_request(self, *_: Any) -> None:
        """Do not go there."""


_opener = urllib.request.build_opener(_StayHere)


class Webhook:
    """Posts each record as JSON.

    The header ``Idempotency-Key`` is the same at every try, so a receiver can tell repetitions.

    Args:
        url: Where to, http or https.
        token: Sent as ``Authorization: Bearer``, if there is one.
        timeout_seconds: Longest wait for an answer.

    Raises:
        ValueError: The URL is none.
    """

    def __init__(self, url: str, token: str | None = None, timeout_seconds: float = 10.0) -> None:
        if not url.startswith(('http://', 'https://')):
            raise ValueError(f'webhook {url!r} must begin with http:// or https://')
        try:
            (urlsplit(url).hostname or '').encode('idna')
        except UnicodeError as error:
            raise ValueError(f'webhook {url!r} has a host that cannot be: {error}') from None
        self.url = url
        self._token = token
        self._timeout_seconds = timeout_seconds

    def __call__(self, key: str, record: dict[str, Any]) -> None:
        """Post one record.

        Raises:
            DeliveryError: Nobody answers, or the server asks for another try or another URL.
            RejectedError: The server refuses the record.
        """
        headers = {'Content-Type': 'application/json', 'Idempotency-Key': key}
        if self._token:
            headers['Authorization'] = f'Bearer {self._token}'
        body = json.dumps(record, ensure_ascii=False).encode()
        request = urllib.request.Request(self.url, body, headers, method='POST')
        try:
            with _opener.open(request, timeout=self._timeout_seconds) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if 300 <= error.code < 400:
                    target = error.headers.get('Location')
                    raise DeliveryError(f'the webhook has moved to {target}: name that') from None
                if error.code >= 500 or error.code in _TRY_LATER:
                    raise DeliveryError(f'the webhook answers {error.code}') from None
                raise RejectedError(f'the webhook answers {error.code}') from None
        except (OSError, HTTPException) as error:
            raise DeliveryError(f'the webhook does not answer: {error}') from None
