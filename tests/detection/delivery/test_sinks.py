"""Lines for machines and for people, keys of records, and the sum of what was not delivered."""

import io
import json

from mmaction_timesformer.detection.delivery.outbox import RejectedError
from mmaction_timesformer.detection.delivery.sinks import (
    HeartbeatSink,
    JsonSink,
    OutboxSink,
    TextSink,
    record_key,
)
from mmaction_timesformer.detection.results.folder import to_record
from mmaction_timesformer.detection.watch import Heartbeat
from tests.detection.conftest import far_east, wait_until
from tests.detection.delivery.records import EVENT, fast_outbox


def test_what_was_not_delivered_is_summed_up_and_tried_by_the_next_process(tmp_path):
    def reject(key, record):
        raise RejectedError('answers 400')

    sink = OutboxSink('webhook x', fast_outbox(tmp_path / 'queue.sqlite', reject))
    sink.write(EVENT)
    wait_until(lambda: sink.outbox.num_rejected == 1)
    assert sink.close() == 'webhook x: 1 records refused and kept (answers 400)'
    taken = []
    later = OutboxSink('x', fast_outbox(tmp_path / 'queue.sqlite', lambda key, r: taken.append(r)))
    assert later.close() == ''
    assert taken == [EVENT]


def test_keys_tell_news_from_repetitions():
    assert record_key(EVENT) == record_key(dict(EVENT, latency_seconds=0.3))
    assert record_key(EVENT) != record_key(dict(EVENT, end_seconds=80.0))


def test_lines_for_machines_and_for_people():
    machines, people, watchers = io.StringIO(), io.StringIO(), io.StringIO()
    for record in (
        dict(EVENT, state='open'),
        dict(EVENT, state='growing'),
        EVENT,
        dict(
            EVENT,
            start_time='2026-01-01T14:03:12.400+00:00',
            end_time='2026-01-01T14:03:19.000+00:00',
        ),
        dict(record='gap', source='gate', start_seconds=80.0, end_seconds=None, reason='cut'),
        dict(record='source', source='gate', state='failed', error='no such file', remark=''),
        to_record(Heartbeat('gate', 75.52, 1887, 300, 2, 1, 0.124, 0.3)),
        to_record(Heartbeat('yard', 0.0, 0, 0, 0, 0, None, None)),
    ):
        JsonSink(machines).write(record)
        HeartbeatSink(watchers).write(record)
        with far_east():
            TextSink(people).write(record)
    assert [json.loads(line)['record'] for line in machines.getvalue().splitlines()] == [
        *['event'] * 4,
        'gap',
        'source',
        'heartbeat',
        'heartbeat',
    ]
    assert people.getvalue().splitlines() == [
        'gate: ALARM Bucket-Worker since 0:12.0, 0.93',
        'gate: Bucket-Worker, 0:12.0 to 1:15.5, 0.93',
        'gate: Bucket-Worker, 19:33:12.4+05:30 to 19:33:19.0+05:30, 0.93',
        'gate: gap since 80.0 s (cut)',
        'gate: no such file',
    ]
    assert watchers.getvalue().splitlines() == [
        'gate: at 1:15.5, 1887 frames, 300 windows, 2 dropped, 1 reconnects, latency 0.12 s',
        'yard: at 0:00.0, 0 frames, 0 windows, 0 dropped, 0 reconnects',
    ]


def test_names_cannot_command_a_terminal():
    bell = 'a\x1b[2J\x9b2Jb\x07'
    record = dict(EVENT, source=bell, label=bell)
    machines, people = io.StringIO(), io.StringIO()
    JsonSink(machines).write(record)
    TextSink(people).write(record)
    assert json.loads(machines.getvalue()) == record
    for text in (machines.getvalue(), people.getvalue()):
        assert text.rstrip('\n').isprintable()


def test_a_reader_that_goes_away_ends_nothing():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    sink = JsonSink(Closed())
    sink.write(EVENT)
    sink.write(EVENT)
