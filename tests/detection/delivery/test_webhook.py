"""A web server that comes and goes, moves, refuses, or never ends its answer."""

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mmaction_timesformer.detection.delivery.outbox import DeliveryError, RejectedError
from mmaction_timesformer.detection.delivery.sinks import (
    open_webhook,
    record_key,
)
from mmaction_timesformer.detection.delivery.webhook import Webhook
from tests.detection.delivery.records import EVENT, fast_outbox


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
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
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
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
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


def test_heartbeats_are_not_queued(web_server, tmp_path):
    url, _, got = web_server
    sink = open_webhook(url, tmp_path)
    sink.write({'record': 'heartbeat', 'source': 'gate'})
    sink.write(EVENT)
    sink.close()
    assert [record['record'] for _, record in got] == ['event']
