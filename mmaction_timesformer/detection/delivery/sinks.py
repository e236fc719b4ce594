"""Sinks of records: standard output, webhooks, MQTT."""

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
from video_clips.commands import printable


class Sink(Protocol):
    """Takes records as they come."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take a record."""

    def close(self) -> str:
        """Take nothing more; name what was not delivered, or give an empty text."""


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

    def close(self) -> str:
        """Leave the stream to its owner."""
        return ''


class JsonSink(_Printer):
    """Prints every record as a JSON line, heartbeats too."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Print a line."""
        # Escapes all that a terminal might obey, and bytes of file names that are not UTF-8.
        self._print(escaped_json(record))


class TextSink(_Printer):
    """Prints alarms, events, gaps and failures for people."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Print a line, if there is something to say."""
        line = _in_words(record)
        if line is not None:
            self._print(printable(f'{record["source"] or "all sources"}: {line}'))


class HeartbeatSink(_Printer):
    """Prints the state of sources for people, beside their events."""

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
        self._print(printable(f'{record["source"]}: at {clock(record["seconds"])}, {counts}{late}'))


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
    if kind == 'model':
        why = f' ({record["error"]})' if record['error'] else ''
        return f'model {record["name"]} {state}{why}'
    if kind == 'drift':
        return record['remark']
    if kind == 'source' and (record.get('error') or record.get('remark')):
        return '; '.join(filter(None, (record['error'], record['remark'])))
    return None


class OutboxSink:
    """Sends records through a queue on disk, heartbeats left out.

    Args:
        name: The receiver, as it may be shown.
        outbox: The queue.
        publisher: A connection to close at the end.
    """

    def __init__(self, name: str, outbox: Outbox, publisher: MqttPublisher | None = None) -> None:
        self.outbox = outbox
        self._name = name
        self._publisher = publisher

    def write(self, record: Mapping[str, Any]) -> None:
        """Queue a record."""
        if record['record'] != 'heartbeat':
            self.outbox.put(record_key(record), record)

    def close(self) -> str:
        """Deliver what can be delivered soon; the rest is delivered by the next run."""
        remaining = self.outbox.close()
        if self._publisher is not None:
            self._publisher.close()
        counts = (
            (remaining, 'records undelivered and kept', self.outbox.last_failure),
            (self.outbox.num_rejected, 'records refused and kept', self.outbox.last_rejection),
            (self.outbox.num_lost, 'records dropped', ''),
        )
        words = ', '.join(
            f'{count} {what} ({reason})' if reason else f'{count} {what}'
            for count, what, reason in counts
            if count
        )
        return f'{self._name}: {words}' if words else ''


def record_key(record: Mapping[str, Any]) -> str:
    """Make a key that is the same however often and by whichever run a record is reported."""
    names = ('record', 'event_id', 'state', 'source', 'start_seconds', 'end_seconds', 'seconds')
    news = [record.get(name) for name in names]
    if record['record'] == 'model':
        news += [record['model'], record['time']]
    return hashlib.sha256(json.dumps(news).encode()).hexdigest()[:32]


def escaped_json(record: Mapping[str, Any]) -> str:
    """Make one line of JSON in which control characters are escaped."""
    text = json.dumps(record, ensure_ascii=False)
    return ''.join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def open_webhook(url: str, folder: Path, token: str | None = None) -> OutboxSink:
    """Open a webhook whose queue lies in a folder."""
    webhook = Webhook(url, token)
    outbox = Outbox(folder / f'webhook-{_file_name(url)}.sqlite', webhook)
    return OutboxSink(f'webhook {webhook.name}', outbox)


def open_mqtt(url: str, folder: Path) -> OutboxSink:
    """Open an MQTT broker whose queue lies in a folder."""
    publisher = MqttPublisher(url)
    outbox = Outbox(folder / f'mqtt-{_file_name(url)}.sqlite', publisher)
    return OutboxSink(f'MQTT broker {publisher.name}', outbox, publisher)


def _file_name(url: str) -> str:
    """A file name for a URL, which may hold a password."""
    return hashlib.sha256(url.encode()).hexdigest()[:8]
