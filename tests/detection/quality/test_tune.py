"""Rules chosen on recordings whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from mmengine.config import Config

from mmaction_timesformer.detection.events.rules import EventRule, make_rules
from mmaction_timesformer.detection.events.tracker import EventSettings, EventTracker, ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import match_events
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.detection.quality.tune import (
    ScoredRecordings,
    tune_rules,
    write_rules,
)
from mmaction_timesformer.detection.windows import WindowSettings

CLASSES = ('A', 'B', 'Other')


def noisy_scores(true, seconds, noise, seed):
    """A doubtful model: 0.75 while the event lasts and 0.25 otherwise, with noise."""
    rng = np.random.default_rng(seed)
    windows = []
    for moment in np.arange(0.0, seconds, 0.5):
        inside = any(event.start_seconds <= moment < event.end_seconds for event in true)
        score = float(np.clip((0.75 if inside else 0.25) + rng.normal(0, noise), 0, 1))
        windows.append(ScoredWindow(float(moment), float(moment), (score, 0.0, 1 - score)))
    return windows


TRUE = tuple(TrueEvent('A', float(start), start + 8.0) for start in range(10, 200, 30))
WINDOWS = WindowSettings(num_frames=8, span_seconds=4.0, hop_seconds=0.5)


@pytest.fixture(scope='module')
def recordings():
    truth = {'one': TrueRecording(TRUE, 200.0)}
    return {'one': noisy_scores(TRUE, 200.0, 0.25, seed=0)}, truth


RULE = EventRule('centred', 2.0, 0.9, 0.45, min_seconds=1.0, merge_gap_seconds=1.0)


def tune(recordings, rate, labels=('A',)):
    scores, truth = recordings
    rules = dict.fromkeys(labels, RULE)
    return tune_rules(ScoredRecordings(scores, truth, CLASSES, 200 / 3600, 0.5), rules, rate)


def test_thresholds_alone_are_chosen(recordings):
    chosen = tune(recordings, rate=12.0)['A'].rule
    assert chosen.enter != RULE.enter
    assert chosen.leave == pytest.approx(chosen.enter / 2, abs=1e-4)
    assert replace(chosen, enter=RULE.enter, leave=RULE.leave) == RULE


def test_what_is_known_later_is_tuned_as_it_is_tracked(recordings):
    """The same scores, said three seconds later of what was, give the same thresholds."""
    scores, truth = recordings
    later = [
        ScoredWindow(window.seconds + 3.0, window.seconds + 3.0, (0.0, 0.0, 0.0, window.scores[0]))
        for window in scores['one']
    ]
    names = (*CLASSES, 'A 3 s ago')
    rule = replace(RULE, lookback_seconds=3.0)
    chosen = tune_rules(
        ScoredRecordings({'one': later}, truth, names, 200 / 3600, 0.5), {'A': rule}, 12.0
    )['A']
    expected = tune(recordings, rate=12.0)['A']
    assert (chosen.f1, chosen.rule) == (expected.f1, replace(expected.rule, lookback_seconds=3.0))


def test_the_smallest_leave_stays_one(recordings):
    scores, truth = recordings
    rules = {'A': EventRule('none', enter=0.9, leave=0.0002)}
    chosen = tune_rules(ScoredRecordings(scores, truth, CLASSES, 200 / 3600, 0.5), rules, 12.0)[
        'A'
    ].rule
    assert 0 < chosen.leave < chosen.enter


def test_what_was_tuned_holds_on_another_recording(recordings):
    tuned = tune(recordings, rate=12.0)['A']
    assert tuned.f1 > 0.9
    assert tuned.false_alarms_per_hour <= 12.0
    tracker = EventTracker('other', EventSettings(CLASSES, {'A': tuned.rule}, WINDOWS))
    changes = []
    for window in noisy_scores(TRUE, 200.0, 0.25, seed=1):
        changes += tracker.push(window)
    closed = [event for event in changes if event.state == 'closed']
    matches = match_events(closed, TRUE, threshold=0.3)
    assert sum(match is not None for match in matches) >= 6
    assert sum(match is None for match in matches) <= 1


def test_fewer_false_alarms_cost_no_more_than_they_must(recordings):
    strict, loose = (tune(recordings, rate=rate)['A'] for rate in (0.0, 1000.0))
    assert strict.false_alarms_per_hour == 0.0
    assert loose.f1 >= strict.f1


def test_a_class_that_cannot_be_told_gets_the_quietest_rule(recordings):
    scores, _ = recordings
    wrong = {'one': TrueRecording((TrueEvent('B', 0.0, 5.0),), 200.0)}
    tuned = tune((scores, wrong), rate=0.0, labels=('A', 'B'))
    assert tuned['A'].false_alarms_per_hour == 0.0
    assert tuned['B'].f1 == 0.0


def test_rules_are_written_as_a_config(tmp_path):
    (tmp_path / 'base.py').write_text(
        "detection = dict(hop_seconds=0.5, dangers={'Bucket-Worker': dict(enter=0.7)})\n"
    )
    rule = EventRule('centred', 1.0, 0.8, 0.4, 1.5, 0.0)
    write_rules(tmp_path / 'tuned.py', {'Bucket-Worker': rule}, 'base.py')
    detection = Config.fromfile(tmp_path / 'tuned.py').detection
    assert detection.hop_seconds == 0.5
    rules = make_rules(('Bucket-Worker', 'Other'), detection.dangers, {})
    assert rules == {'Bucket-Worker': rule}


def test_classes_share_the_allowed_false_alarms():
    """One class needs a false alarm to be found at all, the other none: it gets what is allowed."""

    def windows(peaks):
        return [
            ScoredWindow(float(s), float(s), (peaks.get(s, 0.0), 0.9 if s in (3, 4, 5) else 0.0, 0))
            for s in range(60)
        ]

    truth = {'one': TrueRecording((TrueEvent('A', 9.5, 12.5), TrueEvent('B', 2.5, 5.5)), 60.0)}
    peaks = dict.fromkeys((10, 11, 12), 0.5) | dict.fromkeys((30, 31, 32), 0.9)
    scores = {'one': windows(peaks)}
    recordings = ScoredRecordings(scores, truth, CLASSES, 1 / 60, 1.0)

    rules = dict.fromkeys(('A', 'B'), EventRule('none', min_seconds=0.0, merge_gap_seconds=0.0))

    strict = tune_rules(recordings, rules, 30.0)
    loose = tune_rules(recordings, rules, 60.0)

    assert (strict['A'].f1, strict['B'].f1) == (0.0, 1.0)
    assert (loose['A'].f1, loose['B'].f1) == (pytest.approx(2 / 3), 1.0)
    assert loose['A'].false_alarms_per_hour == pytest.approx(60.0)


def test_of_thresholds_that_find_the_same_events_the_best_fitting_wins():
    """Scores rise to 0.4 long before the event: `leave`, half of `enter`, must lie above that."""

    def score(second):
        return 0.95 if 20 <= second < 28 else 0.4 if 16 <= second < 32 else 0.0

    windows = [ScoredWindow(float(s), float(s), (score(s), 0.0, 0.0)) for s in range(60)]
    truth = {'one': TrueRecording((TrueEvent('A', 19.5, 27.5),), 60.0)}
    rules = {'A': EventRule('none', enter=0.8, leave=0.4)}

    recordings = ScoredRecordings({'one': windows}, truth, CLASSES, 1 / 60, 1.0)
    tuned = tune_rules(recordings, rules, 0.0)['A']

    assert tuned.rule.leave > 0.4
    assert (tuned.f1, tuned.overlap_f1) == (1.0, 1.0)


@pytest.mark.parametrize('rate', [-1.0, float('nan'), float('inf')])
def test_a_rate_that_is_none_is_refused(recordings, rate):
    with pytest.raises(ValueError, match='false alarms per hour'):
        tune(recordings, rate)
