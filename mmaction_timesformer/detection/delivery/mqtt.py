"""Delivery of records to an MQTT broker."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from mmaction_timesformer.detection.delivery.outbox import DeliveryError
from mmaction_timesformer.detection.sources.addresses import check_url
from video_clips.safe_names import safe_name


class MqttPublisher:
    """Publishes each record as JSON under ``PREFIX/event``, ``PREFIX/gap`` and so on.

    ``PREFIX/status`` holds ``online``, and the broker sets it to ``offline`` when the detector is
    no longer there, so that silence is not mistaken for safety.

    Args:
        url: ``mqtt://[user:password@]host[:port]/prefix``, or ``mqtts://`` for TLS.
        timeout_seconds: Longest wait for the broker to take a record.

    Attributes:
        name: The URL as it may be shown.

    Raises:
        ModuleNotFoundError: paho-mqtt is not installed.
        ValueError: The URL can never work.
    """

    def __init__(self, url: str, timeout_seconds: float = 10.0) -> None:
        try:
            from paho.mqtt import client as paho
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "MQTT needs paho-mqtt: pip install 'mmaction_timesformer[mqtt]'", name='paho'
            ) from error
        check_url(url, ('mqtt', 'mqtts'), 'MQTT broker')
        self.name = safe_name(url)
        parts = urlsplit(url)
        self._prefix = unquote(parts.path.strip('/'))
        if not self._prefix:
            raise ValueError('an MQTT URL reads mqtt://[user:password@]host[:port]/topic/prefix')
        if '+' in self._prefix or '#' in url or '#' in self._prefix:
            raise ValueError('an MQTT topic to publish under holds no + and no #')
        self._refusal = ''
        self._timeout_seconds = timeout_seconds
        self._pending: tuple[str, Any] | None = None
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if parts.username:
            password = unquote(parts.password) if parts.password else None
            self._client.username_pw_set(unquote(parts.username), password)
        is_tls = parts.scheme == 'mqtts'
        if is_tls:
            self._client.tls_set()
        self._status_topic = f'{self._prefix}/status'
        self._client.will_set(self._status_topic, 'offline', qos=1, retain=True)
        self._client.on_connect = self._say_online
        self._client.reconnect_delay_set(min_delay=1, max_delay=30)
        self._client.connect_async(parts.hostname or '', parts.port or (8883 if is_tls else 1883))
        self._client.loop_start()

    def _say_online(self, client: Any, _: object, __: object, reason: Any, *___: object) -> None:
        self._refusal = str(reason) if reason.is_failure else ''
        if reason.is_failure:
            return
        client.publish(self._status_topic, 'online', qos=1, retain=True)

    def __call__(self, key: str, record: dict[str, Any]) -> None:
        """Publish one record, at least once.

        Raises:
            DeliveryError: The broker is not there or does not confirm in time.
        """
        # A record that was sent and not confirmed is sent again by the client itself.
        if self._pending is None or self._pending[0] != key:
            if not self._client.is_connected():
                refusal = f'refuses the connection: {self._refusal}' if self._refusal else ''
                raise DeliveryError(f'{self.name} {refusal or "is not connected"}')
            topic = f'{self._prefix}/{record.get("record", "event")}'
            text = json.dumps(record, ensure_ascii=False)
            payload = text.encode('utf-8', 'backslashreplace')
            self._pending = key, self._client.publish(topic, payload, qos=1)
        message = self._pending[1]
        try:
            message.wait_for_publish(self._timeout_seconds)
        except (RuntimeError, ValueError) as error:
            self._pending = None
            raise DeliveryError(f'{self.name}: the MQTT client refuses: {error}') from None
        if not message.is_published():
            raise DeliveryError(f'{self.name} does not confirm')
        self._pending = None

    def close(self) -> None:
        """Say goodbye to the broker."""
        if self._client.is_connected():
            farewell = self._client.publish(self._status_topic, 'offline', qos=1, retain=True)
            with suppress(RuntimeError, ValueError):
                farewell.wait_for_publish(self._timeout_seconds)
        self._client.disconnect()
        self._client.loop_stop()
