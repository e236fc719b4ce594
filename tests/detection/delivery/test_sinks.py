"""Records on their way out: a webhook and a broker that come and go, and a process that dies."""

import io
import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mmaction_timesformer.detection.delivery.mqtt import MqttPublisher
from mmaction_timesformer.detection.delivery.outbox import DeliveryError, Outbox, RejectedError
from mmaction_timesformer.detection.delivery.sinks import (
    HeartbeatSink,
    JsonSink,
    OutboxSink,
    TextSink,
    open_mqtt,
    open_webhook,
    record_key,
)
from mmaction_timesformer.detection.delivery.webhook import Webhook
from mmaction_timesformer.detection.results.folder import to_record
from mmaction_timesformer.detection.watch import Heartbeat
from tests.detection.conftest import far_east, wait_until

EVENT = dict(
    record='event',
    event_id='gate#Bucket-Worker@12.000',
    state='closed',
    label='Bucket-Worker',
    source='gate',
    start_seconds=12.0,
    end_seconds=75.5,
    peak_score=0.93,
    start_time=None,
    end_time=None,
)


def fast_outbox(file, deliver, **limits):
    return Outbox(file, deliver, first_retry_seconds=0.01, max_retry_seconds=0.05, **limits)


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


@pytest.fixture
def web_server():
    """A web server; gives its URL, answers to give (a status, or one and where to), its post."""
    answers, got = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers['Content-Length']))
            got.append((self.headers, json.loads(body)))
            answer = answers.pop(0) if answers else 204
            status, target = answer if isinstance(answer, tuple) else (answer, None)
            self.send_response(status)
            if target:
                self.send_header('Location', target)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/alarm', answers, got
    server.shutdown()
    server.server_close()


def test_webhook_posts_json_until_it_is_taken(web_server, tmp_path):
    url, answers, got = web_server
    answers += [503, 429, 200]
    outbox = fast_outbox(tmp_path / 'queue.sqlite', Webhook(url, token='secret'))
    outbox.put(record_key(EVENT), EVENT)
    assert outbox.close(timeout_seconds=60) == 0
    assert [record for _, record in got] == [EVENT] * 3
    assert len({headers['Idempotency-Key'] for headers, _ in got}) == 1
    assert got[0][0]['Authorization'] == 'Bearer secret'


def test_webhook_gives_up_what_the_server_refuses(web_server):
    url, answers, _ = web_server
    answers += [400]
    with pytest.raises(RejectedError, match='400'):
        Webhook(url)('key', EVENT)


@pytest.fixture
def other_server():
    """Where a redirect would lead; gives its URL and the requests that it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self):
            got.append(self.rfile.readline())

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://localhost:{server.server_port}/there', got
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_webhook_that_has_moved_keeps_the_alarm_and_the_token_here(
    web_server, other_server, tmp_path, caplog, status
):
    url, answers, got = web_server
    target, requests = other_server
    answers += [(status, target), (status, target), 204]
    outbox = fast_outbox(tmp_path / 'queue.sqlite', Webhook(url, token='secret'))
    outbox.put('key', EVENT)
    assert outbox.close(timeout_seconds=60) == 0
    assert [record for _, record in got] == [EVENT] * 3
    assert outbox.num_delivered == 1
    assert requests == []
    assert 'has moved to http://localhost' in caplog.text


def test_webhook_without_a_server(unused_port):
    with pytest.raises(DeliveryError, match='does not answer'):
        Webhook(f'http://127.0.0.1:{unused_port}/')('key', EVENT)


@pytest.mark.parametrize(
    ('url', 'reason'),
    [
        ('ftp://127.0.0.1/', 'begin with http:// or https://'),
        (f'http://{"a" * 70}.example/', 'invalid host or port'),
        ('http://user:hunter2@host:99999/', 'invalid host or port'),
        ('http:///', 'no host'),
        ('http://host/hunter2 b', 'space'),
        ('http://host/\nhunter2', 'space or control'),
        ('http://host/hünter2', '%XX'),
    ],
)
def test_a_webhook_that_can_never_work_is_refused_at_the_start(url, reason):
    with pytest.raises(ValueError, match=reason) as refused:
        Webhook(url)
    assert 'nter2' not in str(refused.value)


@pytest.mark.parametrize('status', [401, 403, 404])
def test_an_expired_token_loses_no_alarm(web_server, tmp_path, caplog, status):
    url, answers, got = web_server
    answers += [status, status]
    outbox = fast_outbox(tmp_path / 'queue.sqlite', Webhook(url, token='expired'))
    for number in range(3):
        outbox.put(str(number), dict(EVENT, number=number))
    assert outbox.close(timeout_seconds=60) == 0
    assert [record['number'] for _, record in got] == [0, 0, 0, 1, 2]
    assert f'answers {status}' in caplog.text


def test_a_user_and_password_in_the_url_are_sent_and_not_shown(web_server):
    url, answers, got = web_server
    webhook = Webhook(url.replace('http://', 'http://us%40er:hunter2@'))
    webhook('key', EVENT)
    # base64 of us@er:hunter2
    assert got[0][0]['Authorization'] == 'Basic dXNAZXI6aHVudGVyMg=='
    answers += [500]
    with pytest.raises(DeliveryError) as failed:
        webhook('key', EVENT)
    assert 'hunter2' not in str(failed.value)


@pytest.fixture(params=['dripping head', 'dripping body', 'endless body'])
def slow_server(request):
    """A server whose answer never ends."""
    listener = socket.create_server(('127.0.0.1', 0))
    over = threading.Event()

    def answer():
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            if 'body' in request.param:
                connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
            chunk = b'x' * (1 << 16) if 'endless' in request.param else b'x'
            while not over.is_set():
                connection.sendall(chunk)
                over.wait(0.0 if 'endless' in request.param else 0.05)

    threading.Thread(target=answer, daemon=True).start()
    yield f'http://127.0.0.1:{listener.getsockname()[1]}/', request.param
    over.set()
    listener.close()


def test_the_whole_exchange_is_limited_in_time_and_size(slow_server):
    url, kind = slow_server
    webhook = Webhook(url, timeout_seconds=0.5)
    started = time.monotonic()
    if kind == 'endless body':
        # The status says that it was taken; the rest is of no interest.
        webhook('key', EVENT)
    else:
        with pytest.raises(DeliveryError, match=r'within|in time'):
            webhook('key', EVENT)
    assert time.monotonic() - started < 20


def test_what_was_not_delivered_is_summed_up_and_tried_by_the_next_process(tmp_path):
    def reject(key, record):
        raise RejectedError('answers 400')

    sink = OutboxSink('webhook x', fast_outbox(tmp_path / 'queue.sqlite', reject))
    sink.write(EVENT)
    wait_until(lambda: sink.outbox.num_rejected == 1)
    assert sink.close() == 'webhook x: 1 records refused and kept'
    taken = []
    later = OutboxSink('x', fast_outbox(tmp_path / 'queue.sqlite', lambda key, r: taken.append(r)))
    assert later.close() == ''
    assert taken == [EVENT]


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


def test_heartbeats_are_not_queued(web_server, tmp_path):
    url, _, got = web_server
    sink = open_webhook(url, tmp_path)
    sink.write({'record': 'heartbeat', 'source': 'gate'})
    sink.write(EVENT)
    sink.close()
    assert [record['record'] for _, record in got] == ['event']


def test_keys_tell_news_from_repetitions():
    assert record_key(EVENT) == record_key(dict(EVENT, latency_seconds=0.3))
    assert record_key(EVENT) != record_key(dict(EVENT, end_seconds=80.0))


def subscribe(port, topic):
    from paho.mqtt import client as paho

    messages = []
    ready = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: messages.append(message)
    client.on_subscribe = lambda *_: ready.set()
    client.connect('127.0.0.1', port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    assert ready.wait(60)
    return client, messages


def test_mqtt_reaches_a_real_broker(mosquitto, tmp_path):
    _, port = mosquitto
    client, messages = subscribe(port, 'yard/#')
    sink = open_mqtt(f'mqtt://127.0.0.1:{port}/yard/gate', tmp_path)
    sink.write(EVENT)
    wait_until(lambda: sink.outbox.num_delivered == 1)
    sink.close()
    wait_until(lambda: len(messages) == 3)
    client.disconnect()
    client.loop_stop()
    assert [message.topic for message in messages] == [
        'yard/gate/status',
        'yard/gate/event',
        'yard/gate/status',
    ]
    assert messages[0].payload == b'online'
    assert json.loads(messages[1].payload) == EVENT
    assert messages[2].payload == b'offline'


def test_mqtt_waits_for_a_broker_that_is_away(mosquitto, tmp_path):
    server, port = mosquitto
    publisher = MqttPublisher(f'mqtt://127.0.0.1:{port}/yard', timeout_seconds=1.0)
    may_publish, refusals = threading.Event(), []
    may_publish.set()

    def publish(key, record):
        if not may_publish.is_set():
            raise DeliveryError('not before somebody listens')
        try:
            publisher(key, record)
        except DeliveryError as error:
            refusals.append(str(error))
            raise

    outbox = fast_outbox(tmp_path / 'queue.sqlite', publish)
    outbox.put('1', dict(EVENT, number=1))
    wait_until(lambda: outbox.num_delivered == 1)
    server.kill()
    wait_until(lambda: not publisher._client.is_connected())
    outbox.put('2', dict(EVENT, number=2))
    wait_until(lambda: refusals)
    assert outbox.num_waiting == 1
    # A broker that starts anew has no subscriber yet.
    may_publish.clear()
    server.start()
    client, messages = subscribe(port, 'yard/event')
    may_publish.set()
    wait_until(lambda: outbox.num_delivered == 2)
    outbox.close()
    publisher.close()
    wait_until(lambda: messages)
    client.disconnect()
    client.loop_stop()
    assert [json.loads(message.payload)['number'] for message in messages] == [2]


@pytest.mark.parametrize('url', ['http://host/x', 'mqtt:///x', 'mqtt://host', 'mqtt://host/a/#'])
def test_mqtt_urls_that_lead_nowhere_are_refused(url):
    with pytest.raises(ValueError, match='MQTT'):
        MqttPublisher(url)


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
