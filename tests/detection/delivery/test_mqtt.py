"""A real broker, and one that comes and goes."""

import json
import threading

import pytest

from mmaction_timesformer.detection.delivery.mqtt import MqttPublisher
from mmaction_timesformer.detection.delivery.outbox import DeliveryError
from mmaction_timesformer.detection.delivery.sinks import (
    open_mqtt,
)
from tests.detection.conftest import wait_until
from tests.detection.delivery.records import EVENT, fast_outbox


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
