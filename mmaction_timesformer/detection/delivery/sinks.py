"""Where records go: standard output, files, webhooks, MQTT."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from mmaction_timesformer.detection.delivery.mqtt import MqttPublisher
from mmaction_timesformer.detection.delivery.outbox import Outbox
from mmaction_timesformer.detection.delivery.webhook import Webhook
from mmaction_timesformer.detection.events.events import clock, time_of_day


class Sink(Protocol):
    """Takes records as they come."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take a record."""

    def close(self) -> None:
        """Nothing more comes."""


class _Printer:
    """Prints lines; a reader that goes away, as ``head`` does, ends that and nothing else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream or sys.stdout

    def _print(self, line: str) -> None:
        if self._stream is None:
            return
        try:
            print(line, file=self._stream, flush=True)
        except BrokenPipeError:
            self._stream = None

    def close(self) -> None:
        """Leave the stream to its owner."""


class JsonSink(_Printer):
    """Prints every record as a JSON line, heartbeats too."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Print a line."""
        self._print(json.dumps(record, ensure_ascii=False))


class TextSink(_Printer):
    """Prints alarms, events, gaps and failures for people."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Print a line, if there is something to say."""
        line = _in_words(record)
        if line is not None:
            self._print(f'{record["source"]}: {line}')


class HeartbeatSink(_Printer):
    """Prints how sources are doing, for people, beside what they are told of events."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream or sys.stderr)

    def write(self, record: Mapping[str, Any]) -> None:
        """Print a line for each heartbeat."""
        if record['record'] != 'heartbeat':
            return
        counts = ', '.join(
            f'{record[f"num_{name}"]} {name}'
            for name in ('frames', 'windows', 'dropped', 'reconnects')
        )
        latency = record['median_latency_seconds']
        late = '' if latency is None else f', latency {latency:.2f} s'
        self._print(f'{record["source"]}: at {clock(record["seconds"])}, {counts}{late}')


def _in_words(record: Mapping[str, Any]) -> str | None:
    kind, state = record['record'], record.get('state')
    if kind == 'event' and state != 'growing':
        start = time_of_day(record['start_time']) or clock(record['start_seconds'])
        if state == 'open':
            return f'ALARM {record["label"]} since {start}, {record["peak_score"]:.2f}'
        end = time_of_day(record['end_time']) or clock(record['end_seconds'])
        return f'{record["label"]}, {start} to {end}, {record["peak_score"]:.2f}'
    if kind == 'gap':
        end = record['end_seconds']
        where = f'since {record["start_seconds"]:.1f} s' if end is None else f'until {end:.1f} s'
        return f'gap {where} ({record["reason"]})'
    if kind == 'source' and (record.get('error') or record.get('remark')):
        return record['error'] or record['remark']
    return None


class OutboxSink:
    """Sends records through a queue on disk; heartbeats are not worth one."""

    def __init__(self, outbox: Outbox, publisher: MqttPublisher | None = None) -> None:
        self.outbox = outbox
        self._publisher = publisher

    def write(self, record: Mapping[str, Any]) -> None:
        """Queue a record."""
        if record['record'] != 'heartbeat':
            self.outbox.put(record_key(record), record)

    def close(self) -> None:
        """Deliver what can be delivered soon; the rest is delivered by the next run."""
        self.outbox.close()
        if self._publisher is not None:
            self._publisher.close()


def record_key(record: Mapping[str, Any]) -> str:
    """A key that is the same for the same news, however often and by whichever run it is told."""
    names = ('record', 'event_id', 'state', 'source', 'start_seconds', 'end_seconds', 'seconds')
    news = [record.get(name) for name in names]
    return hashlib.sha256(json.dumps(news).encode()).hexdigest()[:32]


def open_webhook(url: str, folder: Path, token: str | None = None) -> OutboxSink:
    """A webhook whose queue lies in a folder."""
    return OutboxSink(Outbox(folder / f'webhook-{_name(url)}.sqlite', Webhook(url, token)))


def open_mqtt(url: str, folder: Path) -> OutboxSink:
    """An MQTT broker whose queue lies in a folder."""
    publisher = MqttPublisher(url)
    return OutboxSink(Outbox(folder / f'mqtt-{_name(url)}.sqlite', publisher), publisher)


def _name(url: str) -> str:
    """A file name for a URL, which may hold a password."""
    return hashlib.sha256(url.encode()).hexdigest()[:8]
