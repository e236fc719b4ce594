"""Whole processes: signals that end them, and the command line."""

import json
import signal
import subprocess
import threading
import time

import pytest

from mmaction_timesformer.detection.command import DetectArguments, detect_command
from mmaction_timesformer.detection.delivery.outbox import Outbox
from mmaction_timesformer.detection.delivery.sinks import OutboxSink
from mmaction_timesformer.detection.results.event_log import JsonLines, read_events, read_records
from mmaction_timesformer.detection.results.finishing import RunOptions
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source, parse_source
from tests.detection.signal_videos import every, make_detector, write_video
from tests.warm_python import loaded_python

WATCH = """
import sys
from mmaction_timesformer.detection.running import run, stop_on_signals
from mmaction_timesformer.detection.delivery.sinks import JsonSink
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.signal_videos import make_detector
path, folder = sys.argv[1:]
with stop_on_signals() as stop:
    detector = make_detector(heartbeat_seconds=0.2, queue_size=3000)
    source = Source('yard', path, pace=40.0)
    sys.exit(run(detector, [source], folder, [JsonSink()], stop=stop).exit_code)
"""
# A signal must arrive while an event is on: the last two are on for seconds, at 40 times the pace.
DIGGING = [(5.0, 9.0), (15.0, 19.0), (25.0, 225.0), (235.0, 635.0)]


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'yard.mp4'
    return write_video(path, every(10, 640.0), DIGGING)


@pytest.fixture(scope='module')
def uninterrupted(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp('uninterrupted')
    run(make_detector(), [Source('yard', str(recording))], folder)
    return folder


@pytest.fixture
def watch(recording, root, tmp_path):
    """Starts a process that watches the recording at 40 times its pace."""
    processes = []

    def start():
        command = [loaded_python(), '-c', WATCH, str(recording), str(tmp_path)]
        processes.append(
            subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def wait_for_event_in_progress(process):
    """Read the process's lines until an event has opened; gives the records."""
    records = []
    for line in process.stdout:
        records.append(json.loads(line))
        if records[-1].get('state') == 'open' and records[-1]['start_seconds'] > 20:
            return records
    pytest.fail('the process ended before an event opened')


def test_signals_lose_nothing_and_double_nothing(watch, recording, uninterrupted, tmp_path):
    killed = watch()
    wait_for_event_in_progress(killed)
    time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    told_before = list(read_records(tmp_path / EVENTS))

    stopped = watch()
    wait_for_event_in_progress(stopped)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(timeout=60) == 0
    event = max(read_events(tmp_path / EVENTS), key=lambda event: event.start_seconds)
    assert (event.state, event.interrupted) == ('closed', True)
    last_record = json.loads(stopped.stdout.readlines()[-1])
    assert last_record['record'] == 'heartbeat'

    run(make_detector(), [Source('yard', str(recording))], tmp_path)
    told = list(read_records(tmp_path / EVENTS))
    assert told[: len(told_before)] == told_before
    news = [
        (record['event_id'], record['state'], record['end_seconds'])
        for record in told
        if record['record'] == 'event' and not record['interrupted']
    ]
    assert len(set(news)) == len(news)
    events, expected = read_events(tmp_path / EVENTS), read_events(uninterrupted / EVENTS)
    assert [(e.event_id, e.end_seconds, e.mean_score) for e in events] == [
        (e.event_id, e.end_seconds, e.mean_score) for e in expected
    ]
    assert len(events) == len(DIGGING)
    assert read_scores(tmp_path / SCORES) == read_scores(uninterrupted / SCORES)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def queue(tmp_path):
    """Opens the durable queue of a run; gives a sink, and the keys that were delivered."""
    delivered = []

    def open_queue(name):
        outbox = Outbox(tmp_path / f'{name}.sqlite', lambda key, _: delivered.append(key))
        return OutboxSink('queue', outbox), delivered

    return open_queue


@pytest.mark.parametrize('dies_in', [OutboxSink, JsonLines])
def test_an_alarm_is_delivered_wherever_the_process_dies(queue, tmp_path, monkeypatch, dies_in):
    path = write_video(tmp_path / 'yard.mp4', every(10, 24.0), [(4.0, 9.0), (15.0, 18.0)])
    source = Source('yard', str(path))
    sink, delivered = queue('whole')
    run(make_detector(), [source], tmp_path / 'whole', [sink])
    expected = delivered.copy()
    delivered.clear()

    write = dies_in.write

    def die(self, record):
        if record.get('state') == 'open' and record['start_seconds'] > 10:
            raise KilledError
        write(self, record)

    monkeypatch.setattr(dies_in, 'write', die)
    with pytest.raises(KilledError):
        run(make_detector(), [source], tmp_path / 'killed', [queue('killed')[0]])
    assert 0 < len(delivered) < len(expected)
    monkeypatch.setattr(dies_in, 'write', write)
    run(make_detector(), [source], tmp_path / 'killed', [queue('killed')[0]])
    # What comes twice has the same key.
    assert list(dict.fromkeys(delivered)) == expected


def test_no_picture_is_worth_the_watch(tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise OSError('no space left')

    monkeypatch.setattr(PreviewRing, 'save', fail)
    stop = threading.Event()
    records = []

    class StopAtAlarm:
        def write(self, record):
            records.append(record)
            if record.get('state') == 'open':
                stop.set()

        def close(self):
            pass

    red = parse_source('lavfi:color=c=0xdc001e:size=32x32:rate=25,realtime')
    run(
        make_detector(), [red], tmp_path, [StopAtAlarm()], options=RunOptions(clips=True), stop=stop
    )
    assert [r['state'] for r in records if r['record'] == 'event'] == ['open', 'closed']
    assert 'no space left' in caplog.text


def test_what_is_wrong_is_said_in_one_line(tmp_path, capsys, recording):
    out = str(tmp_path / 'out')
    assert detect_command(DetectArguments('missing.py', 'missing.pth', [str(recording)], out)) == 2
    assert detect_command(DetectArguments('missing.py', 'missing.pth', ['missing.mp4'], out)) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith('error: ')
    assert 'missing.py' in first
    assert 'missing.mp4' in second


def test_a_summary_for_people_and_scripts(recording, tmp_path):
    sources = [Source('yard', str(recording)), Source('gone', str(tmp_path / 'gone.mp4'))]
    summary = run(make_detector(), sources, tmp_path)
    assert summary.exit_code == 1
    assert str(summary).startswith('4 events in 640.0 s of video from 1 sources')
    assert '1 sources failed' in str(summary)
