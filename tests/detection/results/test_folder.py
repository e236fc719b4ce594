"""A run that is killed at any moment and started again tells every event once."""

import json
import time
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.quality.command import read_results
from mmaction_timesformer.detection.results.event_log import JsonLines, read_events, read_records
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES, ResultsFolder
from mmaction_timesformer.detection.results.score_log import ScoreLog, read_scores
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.feed import Resume
from mmaction_timesformer.detection.sources.records import Begin, End, Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from tests.detection.signal_videos import every, make_detector, read_colours, write_video

DIGGING = [(4.0, 9.0), (15.0, 18.0), (19.0, 22.0)]
RECORDED = datetime(2026, 5, 4, 14, 3, tzinfo=timezone.utc)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'yard.mp4'
    write_video(path, every(25, 24.0), DIGGING, [(10.0, 14.0)], recorded_at=RECORDED)
    return Source('yard', str(path))


@pytest.fixture(scope='module')
def uninterrupted(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp('uninterrupted')
    run(make_detector(), [source], folder)
    return folder


def news(folder):
    return [
        (record['event_id'], record['state'], record['end_seconds'])
        for record in read_records(folder / EVENTS)
        if record['record'] == 'event'
    ]


def strip(events):
    return [
        {name: value for name, value in event.to_record().items() if name != 'latency_seconds'}
        for event in events
    ]


def test_a_run_writes_events_and_scores(source, uninterrupted):
    events = read_events(uninterrupted / EVENTS)
    expected = make_detector().detect(source.url)
    assert [(e.label, e.start_seconds, e.end_seconds) for e in events] == [
        (e.label, e.start_seconds, e.end_seconds) for e in expected
    ]
    assert events[0].start_time == '2026-05-04T14:03:03.750+00:00'
    classes, scores = read_scores(uninterrupted / SCORES)
    assert classes == ('Digging', 'Walking', 'Other')
    assert len(scores['yard']) == 89
    states = [r['state'] for r in read_records(uninterrupted / EVENTS) if r['record'] == 'source']
    assert states == ['started', 'finished']
    manifest = json.loads((uninterrupted / 'run.json').read_text())
    assert manifest['fingerprint'] == 'colours'
    assert manifest['rules']['Digging']['enter'] == 0.6


def test_a_finished_source_is_not_read_again(source, tmp_path):
    run(make_detector(), [source], tmp_path)
    before = (tmp_path / EVENTS).read_bytes()

    def no_model(clips):
        pytest.fail('there is nothing to score')

    summary = run(make_detector(no_model), [source], tmp_path)
    assert summary.num_skipped == 1
    assert (tmp_path / EVENTS).read_bytes() == before


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize('num_windows', [0, 1, 20, 33, 40, 70, 88])
def test_left_after_the_model_died(source, uninterrupted, tmp_path, num_windows):
    num_scored = 0

    def die(clips):
        nonlocal num_scored
        if num_scored >= num_windows:
            raise KilledError
        num_scored += len(clips)
        return read_colours(clips)

    with pytest.raises(KilledError):
        run(make_detector(die, batch_size=1), [source], tmp_path)
    rest = run(make_detector(), [source], tmp_path)
    assert rest.num_windows == 89 - num_windows
    assert (tmp_path / SCORES).read_bytes() == (uninterrupted / SCORES).read_bytes()
    assert news(tmp_path) == news(uninterrupted)
    assert strip(read_events(tmp_path / EVENTS)) == strip(read_events(uninterrupted / EVENTS))


@pytest.mark.parametrize('share', [0.0, 0.1, 0.37, 0.5, 0.63, 0.77, 0.9, 0.99])
@pytest.mark.parametrize('file', [EVENTS, SCORES])
def test_left_with_a_log_that_breaks_off_anywhere(source, uninterrupted, tmp_path, file, share):
    """Scores stand in their log before what follows from them; a line may be half written."""
    scores = (uninterrupted / SCORES).read_bytes()
    lines = (uninterrupted / EVENTS).read_bytes().splitlines(keepends=True)
    if file == EVENTS:
        # The first line is there before the first score, the last only after the last one.
        events = b''.join(lines[:-1])
        events = events[: len(lines[0]) + int(share * (len(events) - len(lines[0])))]
    else:
        header = scores.index(b'\n') + 1
        scores = scores[: header + int(share * (len(scores) - header))]
        events = lines[0]
    (tmp_path / SCORES).write_bytes(scores)
    (tmp_path / EVENTS).write_bytes(events)
    (tmp_path / 'run.json').write_bytes((uninterrupted / 'run.json').read_bytes())
    run(make_detector(), [source], tmp_path)
    assert (tmp_path / SCORES).read_bytes() == (uninterrupted / SCORES).read_bytes()
    assert news(tmp_path) == news(uninterrupted)


def test_a_folder_from_before_rules_could_look_back_goes_on(source, uninterrupted, tmp_path):
    manifest = json.loads((uninterrupted / 'run.json').read_text())
    for rule in manifest['rules'].values():
        assert rule.pop('lookback_seconds') == 0.0
    (tmp_path / 'run.json').write_text(json.dumps(manifest))
    truth = tmp_path / 'truth.json'
    truth.write_text(json.dumps({'yard': {'duration_seconds': 24.0, 'events': []}}))
    for file, share in ((SCORES, 0.6), (EVENTS, 0.3)):
        lines = (uninterrupted / file).read_bytes().splitlines(keepends=True)
        (tmp_path / file).write_bytes(b''.join(lines[: int(share * len(lines))]))
    run(make_detector(), [source], tmp_path)
    assert (tmp_path / SCORES).read_bytes() == (uninterrupted / SCORES).read_bytes()
    assert news(tmp_path) == news(uninterrupted)
    assert read_results(tmp_path, truth).rules == make_detector().rules


def test_a_paced_file_goes_on_at_once_and_at_its_pace(source, tmp_path):
    scored_before = [ScoredWindow(0.875 + n / 4, 1.75 + n / 4, (0.0, 0.0, 1.0)) for n in range(60)]
    log = ScoreLog(tmp_path / SCORES, ('Digging', 'Walking', 'Other'))
    for window in scored_before:
        log.write('yard', window)
    log.close()
    events = JsonLines(tmp_path / EVENTS)
    events.write(dict(record='source', state='started', source='yard', time=None))
    events.close()
    paced = replace(source, pace=1.0)
    results = ResultsFolder(tmp_path, make_detector().event_settings, {})
    left = results.resume([paced])
    results.close()
    started = time.monotonic()
    moments = []
    for record in make_detector().watch([paced], left.resumes):
        if isinstance(record, Scored):
            moments.append(time.monotonic() - started)
        if len(moments) == 9:
            break
    # A window of 1.75 s must come in; the 15 s before it had been watched.
    assert moments[0] < 15.0
    # From the start of the watch, since a machine that stalls can only lengthen that.
    assert moments[-1] > 0.9 * (1.75 + 8 * 0.25)


def test_a_file_whose_time_line_breaks_goes_on_too(source, tmp_path, monkeypatch):
    """Two recordings behind each other in one file, as a recorder that restarts leaves them."""
    from mmaction_timesformer.detection.sources.reader import Break, SourceReader

    frames = SourceReader.frames

    def broken(self, from_seconds=0.0):
        for frame in frames(self, from_seconds):
            if frame.seconds == 12.0:
                yield Break(12.0, 'the time stamps begin anew')
            yield frame

    monkeypatch.setattr(SourceReader, 'frames', broken)
    whole, halves = tmp_path / 'whole', tmp_path / 'halves'
    run(make_detector(), [source], whole)
    num_scored = 0

    def die(clips):
        nonlocal num_scored
        if num_scored >= 60:
            raise KilledError
        num_scored += len(clips)
        return read_colours(clips)

    with pytest.raises(KilledError):
        run(make_detector(die, batch_size=1), [source], halves)
    run(make_detector(), [source], halves)
    assert news(halves) == news(whole)
    assert (halves / SCORES).read_bytes() == (whole / SCORES).read_bytes()


def test_results_of_another_model_are_not_mixed(source, tmp_path):
    run(make_detector(), [source], tmp_path)
    other = make_detector()
    other.fingerprint = 'another'
    with pytest.raises(ValueError, match='colours'):
        run(other, [source], tmp_path)


def test_a_live_source_closes_what_was_open_and_keeps_its_clock(tmp_path):
    source = Source('gate', 'rtsp://127.0.0.1:1/', 'url')
    log = JsonLines(tmp_path / EVENTS)
    log.write(dict(record='source', state='started', source='gate', time=RECORDED.isoformat()))
    event = dict(
        record='event',
        event_id='gate#Digging@5.000',
        state='growing',
        label='Digging',
        start_seconds=5.0,
        end_seconds=9.0,
        alarm_seconds=6.0,
        peak_seconds=7.0,
        peak_score=0.9,
        mean_score=0.8,
        source='gate',
    )
    log.write(event)
    log.close()
    results = ResultsFolder(tmp_path, make_detector().event_settings, {})
    left = results.resume([source])
    (closed,) = left.interrupted
    assert (closed.state, closed.end_seconds, closed.interrupted) == ('closed', 9.0, True)
    resume = left.resumes['gate']
    assert (resume.epoch, resume.last_seconds) == (RECORDED, 9.0)


GATE = Source('gate', 'rtsp://127.0.0.1:1/', 'url')
OPEN = DangerEvent('gate#Digging@5.000', 'open', 'Digging', 5.0, 9.0, 6.0, 7.0, 0.9, 0.8, 'gate')


def one_run(folder, *records):
    """Write as a run of a live source does; return the state that the folder resumed from."""
    results = ResultsFolder(folder, make_detector().event_settings, {})
    left = results.resume([GATE])
    for record in records:
        results.write(record)
    results.close()
    return left


def test_a_live_source_was_watched_as_far_as_it_was_scored(tmp_path):
    quiet = [Scored('gate', ScoredWindow(n + 0.875, n + 1.75, (0.0, 0.0, 1.0))) for n in range(90)]
    one_run(tmp_path, Begin('gate', RECORDED), *quiet)
    assert one_run(tmp_path).resumes == {'gate': Resume(epoch=RECORDED, last_seconds=90.75)}


@pytest.mark.parametrize('first', [Gap('gate', 0.0, None, 'unplugged'), End('gate', 0.0, 'no')])
def test_a_live_source_that_came_late_keeps_its_clock_and_closes_its_events(tmp_path, first):
    """The first run never saw it, the second was killed in an event."""
    assert one_run(tmp_path, first).resumes == {}
    assert one_run(tmp_path, Begin('gate', RECORDED), OPEN).resumes == {}
    third = one_run(tmp_path, Begin('gate', RECORDED))
    assert third.resumes == {'gate': Resume(epoch=RECORDED, last_seconds=9.0)}
    assert third.interrupted == [replace(OPEN, state='closed', interrupted=True)]
    starts = [r for r in read_records(tmp_path / EVENTS) if r.get('state') == 'started']
    assert len(starts) == 1


def test_records_keep_what_a_source_says_at_its_end(tmp_path):
    results = ResultsFolder(tmp_path, make_detector().event_settings, {})
    results.write(Gap('gate', 1.0, None, 'cut'))
    results.write(End('gate', 3.0, error='no such file'))
    results.close()
    gap, end = read_records(tmp_path / EVENTS)
    assert gap['reason'] == 'cut'
    assert (end['state'], end['error']) == ('failed', 'no such file')


def test_logs_that_are_none_are_refused(tmp_path):
    (tmp_path / 'scores.csv').write_text('time,score\n1,2\n')
    with pytest.raises(ValueError, match='not a score log'):
        read_scores(tmp_path / 'scores.csv')
    (tmp_path / 'events.jsonl').write_text('hello\n')
    with pytest.raises(ValueError, match='line 1'):
        read_events(tmp_path / 'events.jsonl')
    with pytest.raises(FileNotFoundError):
        read_events(tmp_path / 'missing.jsonl')


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        (EVENTS, '{"record": "heartbeat"}\n{"a": 1}\n', r"events\.jsonl, line 2: .*'record'"),
        (EVENTS, '{"record": "event", "label": "Digging"}\n', r'events\.jsonl, line 1: .*start'),
        (EVENTS, '{"record": "source", "state": "started", "time": 3}\n', 'line 1'),
        ('run.json', '', r'run\.json is not a manifest'),
        ('run.json', '3', r'run\.json is not a manifest'),
        ('run.json', '{}', 'fingerprint'),
    ],
)
def test_a_folder_of_something_else_is_refused_by_file_and_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        ResultsFolder(tmp_path, make_detector().event_settings, {})
