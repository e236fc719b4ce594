"""Figures of events, by hand and against scikit-learn."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.quality.command import (
    EvaluateArguments,
    evaluate_command,
    read_results,
)
from mmaction_timesformer.detection.quality.evaluate import (
    average_precision,
    evaluate_events,
    match_events,
    temporal_iou,
    weighted_quantile,
)
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.signal_videos import every, make_detector, write_video


def event(start, end, score=0.9, label='A', alarm=None):
    alarm = start + 1 if alarm is None else alarm
    return DangerEvent(
        f'{label}@{start}', 'closed', label, start, end, alarm, start, score, score, 'yard'
    )


def test_overlap_in_time():
    assert temporal_iou(event(0, 10), event(5, 15)) == pytest.approx(1 / 3)
    assert temporal_iou(event(0, 10), event(10, 15)) == 0.0
    assert temporal_iou(event(2, 4), event(2, 4)) == 1.0


def test_each_true_event_counts_once_and_the_surest_chooses_first():
    true = [TrueEvent('A', 0, 10), TrueEvent('A', 11, 20)]
    assert match_events([event(0, 9), event(1, 10)], true, 0.3) == [true[0], None]
    # The best overlap is taken, not the first.
    assert match_events([event(8, 20), event(0, 9)], true, 0.3) == [true[1], true[0]]
    assert match_events([event(0, 30)], true, 0.5) == [None]


def test_average_precision():
    assert average_precision(np.array([True, True]), 2) == 1.0
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([True]), 4) == 0.25
    assert average_precision(np.array([], dtype=bool), 3) == 0.0
    assert math.isnan(average_precision(np.array([False]), 0))


def test_average_precision_is_not_below_scikit_learns():
    """Where nothing is missed; scikit-learn does not take the best precision beyond a recall."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        is_right = rng.random(30) < 0.6
        ours = average_precision(is_right, int(is_right.sum()))
        theirs = average_precision_score(is_right, -np.arange(30))
        assert theirs <= ours <= theirs + 0.2


def test_weights_count_events_as_often_as_they_say():
    """Against plain lists in which events are repeated."""
    rng = np.random.default_rng(0)
    is_right, values = rng.random(12) < 0.6, rng.normal(size=12)
    weights = rng.integers(0, 4, size=(50, 12)) * (rng.random((50, 12)) < 0.5)
    weights[0] = 0
    num_true = (weights @ is_right).astype(int) + 2
    precisions = average_precision(is_right, num_true, weights)
    quantiles = [weighted_quantile(values, weights, share) for share in (0.5, 0.95)]
    assert precisions[0] == 0
    assert all(math.isnan(quantile[0]) for quantile in quantiles)
    for row in range(1, 50):
        assert precisions[row] == pytest.approx(
            average_precision(np.repeat(is_right, weights[row]), num_true[row])
        )
        repeated = np.repeat(values, weights[row])
        expected = np.quantile(repeated, [0.5, 0.95])
        assert [quantile[row] for quantile in quantiles] == pytest.approx(expected)


def test_figures_by_hand():
    truth = {
        'one': TrueRecording((TrueEvent('A', 0, 10), TrueEvent('B', 20, 30))),
        'two': TrueRecording((TrueEvent('A', 5, 15),)),
        'quiet': TrueRecording(()),
    }
    found = {
        'one': [event(0, 10), event(50, 60, score=0.95), event(21, 30, label='B', alarm=26)],
        'two': [event(5, 10, score=0.8, alarm=9)],
        'quiet': [event(5, 6, label='B', score=0.7)],
    }
    hours = {'one': 0.5, 'two': 0.25, 'quiet': 0.25}
    together, a, b = evaluate_events(found, truth, hours, ['A', 'B'], thresholds=[0.3])
    assert (together.num_true, together.num_found) == (3, 5)
    assert together.precision.value == pytest.approx(3 / 5)
    assert together.recall.value == 1.0
    assert together.f1.value == pytest.approx(6 / 8)
    assert together.false_alarms_per_hour.value == pytest.approx(2.0)
    assert (a.num_true, a.num_found) == (2, 3)
    assert a.average_precision.value == pytest.approx((1 / 2 + 2 / 3) / 2 + (2 / 3 - 1 / 2) / 2)
    assert b.average_precision.value == 1.0
    assert together.average_precision.value == pytest.approx((a.average_precision.value + 1) / 2)
    assert a.median_delay_seconds.value == pytest.approx(2.5)
    assert b.median_delay_seconds.value == pytest.approx(6.0)
    assert together.f1.low <= together.f1.value <= together.f1.high
    strict = evaluate_events(found, truth, hours, ['A', 'B'], thresholds=[0.7])[0]
    assert strict.recall.value == pytest.approx(2 / 3)


def test_precision_and_delay_have_intervals_over_recordings():
    """Ten recordings with an event each, found after 1 or 3 seconds, and every other one twice."""
    truth = {str(n): TrueRecording((TrueEvent('A', 0, 10),)) for n in range(10)}
    found = {
        str(n): [event(0, 10, alarm=1 + 2 * (n >= 5)), *[event(20, 30, 0.95)] * (n % 2)]
        for n in range(10)
    }
    hours = dict.fromkeys(truth, 1.0)
    together, a = evaluate_events(found, truth, hours, ['A'], thresholds=[0.5])
    # Five wrong events come first: behind them precision rises to 10 of 15.
    assert a.average_precision.value == pytest.approx(10 / 15)
    assert 0.3 < a.average_precision.low < 10 / 15 < a.average_precision.high < 1
    assert a.median_delay_seconds.value == pytest.approx(2.0)
    # The median of a resample is 1 or 3, and 2 where both are drawn five times of ten: 252 / 1024.
    standard_error = math.sqrt((1 - 252 / 1024) * 10 / 9)
    assert a.median_delay_seconds.high - 2 == pytest.approx(2.262 * standard_error, abs=0.05)
    assert 2 - a.median_delay_seconds.low == pytest.approx(2.262 * standard_error, abs=0.05)
    assert together == replace(a, label='all')
    alike = {name: [event(0, 10, alarm=2)] for name in truth}
    _, perfect = evaluate_events(alike, truth, hours, ['A'], thresholds=[0.5])
    assert perfect.average_precision.low == pytest.approx(0.025**0.1)
    assert str(perfect.median_delay_seconds) == '2.00'


def test_one_recording_has_no_interval_and_nothing_found_no_precision():
    truth = {'one': TrueRecording((TrueEvent('A', 0, 10),))}
    (figures, _) = evaluate_events({}, truth, {'one': 1.0}, ['A'], thresholds=[0.5])
    assert math.isnan(figures.precision.value)
    assert figures.recall.value == 0.0
    assert str(figures.recall) == '0.00'
    assert math.isnan(figures.recall.low)


def test_recordings_without_events_tell_nothing_of_recall():
    """Two events in two of twenty recordings, both found: rates below 0.025 ** (1 / 2) are odd."""
    names = [f'{number}.mp4' for number in range(20)]
    truth = {name: TrueRecording(()) for name in names}
    truth |= {name: TrueRecording((TrueEvent('A', 0, 10),)) for name in names[:2]}
    found = {name: [event(0, 10)] for name in names[:2]}
    hours = dict.fromkeys(names, 1.0)
    (figures, _) = evaluate_events(found, truth, hours, ['A'], thresholds=[0.5])
    assert (figures.recall.low, figures.recall.high) == (pytest.approx(0.025**0.5), 1.0)
    found |= {names[2]: [event(0, 10)]}
    (figures, _) = evaluate_events(found, truth, hours, ['A'], thresholds=[0.5])
    assert 0 < figures.precision.low < 2 / 3 < figures.precision.high < 1
    assert 0 < figures.false_alarms_per_hour.low < 1 / 20 < figures.false_alarms_per_hour.high


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """A run over two recordings, and its truth."""
    folder = tmp_path_factory.mktemp('run')
    digging = {'1.mp4': [(3.0, 8.0), (12.0, 16.0)], '2.mp4': [(5.0, 9.0)]}
    sources, truth = [], {}
    for name, spans in digging.items():
        path = write_video(folder / name, every(10, 20.0), spans)
        sources.append(Source(str(path), str(path)))
        events = [dict(label='Digging', start_seconds=s, end_seconds=e) for s, e in spans]
        truth[name] = dict(duration_seconds=20.0, events=events)
    (folder / 'truth.json').write_text(json.dumps(truth))
    run(make_detector(), sources, folder / 'out')
    return folder


def test_a_run_is_compared_with_the_truth(results, capsys):
    out = results / 'figures.json'
    arguments = (str(results / 'out'), str(results / 'truth.json'), str(out))
    assert evaluate_command(EvaluateArguments(*arguments)) == 0
    assert 'Digging' in capsys.readouterr().out
    rows = json.loads(out.read_text())
    assert [row['threshold'] for row in rows] == [0.3] * 3 + [0.5] * 3 + [0.7] * 3
    assert rows[0]['f1']['value'] == 1.0
    assert rows[0]['false_alarms_per_hour']['value'] == 0.0
    assert rows[2]['recall']['value'] is None
    assert rows[0]['average_precision']['value'] == 1.0
    assert 0 < rows[0]['median_delay_seconds']['value'] <= rows[0]['late_delay_seconds']['value']
    assert rows[2]['late_delay_seconds'] == dict(value=None, low=None, high=None)


def test_the_truth_may_be_a_table(results, tmp_path):
    table = tmp_path / 'truth.csv'
    table.write_text(
        'source,label,start_seconds,end_seconds\n1.mp4,Digging,3,8\n1.mp4,Digging,12,16\n2.mp4,,,\n'
    )
    read = read_results(results / 'out', table)
    assert len(read.truth['1.mp4'].events) == 2
    assert read.truth['2.mp4'].events == ()
    assert read.hours['2.mp4'] == pytest.approx(20 / 3600)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"1.mp4": {}}', 'events'),
        ('{}', 'no recording'),
        ('[1]', 'no true events: recordings by name are expected, not a list'),
        ('{"1.mp4": true}', '\'1.mp4\' is expected to have "events", a list of objects'),
        ('{"1.mp4": {"events": [5]}}', '"events", a list of objects'),
        ('[' * 100_000, 'nested too deeply'),
        ('{"9.mp4": {"events": []}}', 'no source'),
        ('{"1.mp4": {"events": [], "duration_seconds": -1}}', 'duration_seconds=-1'),
        (
            '{"1.mp4": {"events": [{"label": "Diging", "start_seconds": 1, "end_seconds": 2}]}}',
            "names ['Diging'], but the classes are ['Digging', 'Walking', 'Other']",
        ),
        (
            '{"1.mp4": {"events": [{"label": "Digging", "start_seconds": 5, "end_seconds": 1}]}}',
            'not an event',
        ),
    ],
)
def test_truth_that_does_not_fit_is_named(results, tmp_path, capsys, content, message):
    truth = tmp_path / 'truth.json'
    truth.write_text(content)
    assert evaluate_command(EvaluateArguments(str(results / 'out'), str(truth))) == 2
    assert message in capsys.readouterr().err


def test_reports_are_not_shown_as_finds(results, tmp_path, capsys):
    """Two reports of digging, neither when somebody digs."""
    truth = tmp_path / 'truth.json'
    event = dict(label='Digging', start_seconds=18.0, end_seconds=19.0)
    truth.write_text(json.dumps({'1.mp4': dict(events=[event]), '9.mp4': dict(events=[])}))
    out = tmp_path / 'metrics.json'
    arguments = EvaluateArguments(str(results / 'out'), str(truth), str(out))
    assert evaluate_command(arguments) == 0
    told = capsys.readouterr()
    assert 'reported' in told.out
    assert 'not watched to the end: 9.mp4' in told.err
    row = json.loads(out.read_text())[0]
    assert (row['num_true'], row['num_found'], row['num_right']) == (1, 2, 0)


def test_rules_that_find_nothing_and_other_windows_are_told(results, tmp_path, capsys):
    truth, config = tmp_path / 'truth.json', tmp_path / 'config.py'
    event = dict(label='Digging', start_seconds=18.0, end_seconds=19.0)
    truth.write_text(json.dumps({'1.mp4': dict(events=[event])}))
    arguments = EvaluateArguments(str(results / 'out'), str(truth), tune=0.0)
    assert evaluate_command(arguments) == 0
    assert 'no threshold finds a true event of Digging, Walking' in capsys.readouterr().err
    config.write_text(
        "val_pipeline = [dict(type='SampleClip', clip_len=8, frame_interval=32), "
        "dict(type='DecodeFrames'), dict(type='FormatShape')]\n"
    )
    written = tmp_path / 'tuned.py'
    arguments = replace(arguments, write=str(written), config=str(config))
    assert evaluate_command(arguments) == 2
    assert 'has other windows' in capsys.readouterr().err
    assert not written.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('a,b\n1,2\n', "'source' is missing"),
        ('source,label,start_seconds,end_seconds\n1.mp4,Digging,-1,2\n', 'not an event'),
        (f'source,label\n{"z" * 140_000},Digging\n', 'field larger than field limit'),
    ],
)
def test_a_table_of_truth_that_does_not_fit_is_named(results, tmp_path, capsys, content, message):
    truth = tmp_path / 'truth.csv'
    truth.write_text(content)
    assert evaluate_command(EvaluateArguments(str(results / 'out'), str(truth))) == 2
    error = capsys.readouterr().err
    assert f'{truth} holds no true events: ' in error
    assert message in error
