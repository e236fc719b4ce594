"""Records that wait for a receiver: in order, tried again, kept over a process and a full disk."""

import threading

from mmaction_timesformer.detection.delivery.outbox import DeliveryError, Outbox, RejectedError
from tests.detection.delivery.records import fast_outbox


def test_records_are_delivered_in_order_and_tried_again(tmp_path):
    taken, failures = [], iter([True, True, False, True, *[False] * 10])

    def deliver(key, record):
        if next(failures):
            raise DeliveryError('not now')
        taken.append((key, record['number']))

    outbox = fast_outbox(tmp_path / 'queue.sqlite', deliver)
    for number in range(4):
        outbox.put(f'key {number}', {'number': number})
    assert outbox.close(timeout_seconds=60) == 0
    assert taken == [(f'key {number}', number) for number in range(4)]
    assert outbox.num_delivered == 4


def test_what_nobody_took_is_delivered_by_the_next_process(tmp_path):
    def refuse(key, record):
        raise DeliveryError('nobody there')

    outbox = fast_outbox(tmp_path / 'queue.sqlite', refuse)
    for number in range(3):
        outbox.put(str(number), {'number': number})
    assert outbox.close(timeout_seconds=0.2) == 3
    taken = []
    later = fast_outbox(tmp_path / 'queue.sqlite', lambda key, record: taken.append(key))
    assert later.close(timeout_seconds=60) == 0
    assert taken == ['0', '1', '2']


def test_no_error_ends_delivery_and_each_is_said_once(tmp_path, caplog):
    taken = []
    failures = iter([KeyError('a bug')] * 3 + [UnicodeError('another'), None])

    def deliver(key, record):
        if failure := next(failures):
            raise failure
        taken.append(key)

    outbox = fast_outbox(tmp_path / 'queue.sqlite', deliver)
    outbox.put('key', {})
    assert outbox.close(timeout_seconds=60) == 0
    assert taken == ['key']
    assert [('a bug' in text, 'another' in text) for text in caplog.messages] == [
        (True, False),
        (False, True),
    ]


def test_a_rejected_record_does_not_block_the_others(tmp_path):
    taken = []

    def deliver(key, record):
        if key == 'bad':
            raise RejectedError('malformed')
        taken.append(key)

    outbox = fast_outbox(tmp_path / 'queue.sqlite', deliver)
    for key in ('bad', 'good'):
        outbox.put(key, {})
    assert outbox.close(timeout_seconds=60) == 0
    assert taken == ['good']
    assert outbox.num_rejected == 1


def test_a_full_outbox_loses_its_oldest_records_and_counts_them(tmp_path):
    def refuse(key, record):
        raise DeliveryError('nobody there')

    outbox = Outbox(tmp_path / 'queue.sqlite', refuse, first_retry_seconds=60, max_waiting=2)
    for number in range(5):
        outbox.put(str(number), {})
    assert outbox.num_waiting == 2
    assert outbox.num_lost == 3
    outbox.close(timeout_seconds=0.1)


def test_a_full_disk_keeps_records_in_memory_and_delivers_them(tmp_path, caplog):
    taken, may_go = [], threading.Event()

    def deliver(key, record):
        if not may_go.is_set():
            raise DeliveryError('not now')
        taken.append(key)

    outbox = fast_outbox(tmp_path / 'queue.sqlite', deliver)
    outbox.put('on disk', {})
    with outbox._lock:
        outbox._database.execute('PRAGMA query_only=1')
    outbox.put('in memory', {})
    assert outbox.num_waiting == 2
    may_go.set()
    assert outbox.close(timeout_seconds=60) == 0
    assert taken == ['on disk', 'in memory']
    assert 'queue.sqlite cannot be written' in caplog.text
