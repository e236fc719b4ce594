"""The event automaton, by hand and against an oracle that sees all scores at once."""

import numpy as np
import pytest

from mmaction_timesformer.detection.events.automaton import ClassAutomaton
from mmaction_timesformer.detection.events.rules import EventRule

PLAIN = dict(smoothing='none', enter=0.6, leave=0.4, min_seconds=0, merge_gap_seconds=0)


def feed(scores, hop=1.0, update_seconds=0.0, end=None, **changes):
    automaton = ClassAutomaton('Digging', EventRule(**{**PLAIN, **changes}), update_seconds)
    told = []
    for number, score in enumerate(scores):
        told += automaton.push(number * hop, (number + 1) * hop, score, number * hop + 0.5)
    return told + automaton.finish(len(scores) * hop if end is None else end)


def spans(told):
    return [(e.start_seconds, e.end_seconds) for e in told if e.state == 'closed']


@pytest.mark.parametrize(
    ('scores', 'changes', 'expected'),
    [
        ([0.1, 0.7, 0.8, 0.1], {}, [(1, 3)]),
        # Hysteresis: the start reaches back to `leave`, and a dip above it does not end the run.
        ([0.1, 0.5, 0.7, 0.5, 0.7, 0.5, 0.3], {}, [(1, 6)]),
        ([0.5, 0.5, 0.5], {}, []),
        ([0.7, 0.1, 0.7], {}, [(0, 1), (2, 3)]),
        ([0.7, 0.1, 0.7], {'merge_gap_seconds': 1}, [(0, 3)]),
        # Only a run that proves itself is merged, from where it began.
        ([0.7, 0.1, 0.5, 0.5, 0.1], {'merge_gap_seconds': 1}, [(0, 1)]),
        ([0.7, 0.1, 0.5, 0.7, 0.1], {'merge_gap_seconds': 1}, [(0, 4)]),
        ([0.7, 0.1, 0.1, 0.7], {'merge_gap_seconds': 1}, [(0, 1), (3, 4)]),
        ([0.7, 0.1, 0.7, 0.7, 0.1], {'min_seconds': 2}, [(2, 4)]),
        ([0.7, 0.1, 0.7, 0.1], {'min_seconds': 2, 'merge_gap_seconds': 1}, [(0, 3)]),
        # A danger that outlasts the rest is told from the end of the rest on.
        ([0.7, 0.1, 0.7, 0.7, 0.7, 0.1], {'cooldown_seconds': 2}, [(0, 1), (3, 5)]),
        ([0.7, 0.1, 0.7, 0.1], {'cooldown_seconds': 5}, [(0, 1)]),
        ([0.1, 0.1, 0.7, 0.1, 0.1], {'widen_seconds': 1}, [(1, 4)]),
        # Not before the first frame, nor after the last that was seen.
        ([0.7, 0.1, 0.1, 0.1, 0.7], {'widen_seconds': 1}, [(0, 2), (3, 5)]),
        ([0.7, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1], {'widen_seconds': 1}, [(0, 5)]),
    ],
)
def test_by_hand(scores, changes, expected):
    assert spans(feed(scores, **changes)) == expected


def test_states_and_figures_of_one_event():
    told = feed([0.1, 0.5, 0.7, 0.9, 0.2, 0.1], min_seconds=2)
    assert [e.state for e in told] == ['open', 'growing', 'closed']
    opened, _, closed = told
    assert opened.end_seconds == 3
    assert opened.alarm_seconds == closed.alarm_seconds == 2.5
    assert closed.peak_score == 0.9
    assert closed.peak_seconds == 3.5
    assert closed.mean_score == pytest.approx(0.7)
    assert len({e.event_id for e in told}) == 1


def test_what_is_widened_ends_where_frames_were_seen():
    told = feed([0.1, 0.1, 0.7, 0.7, 0.1, 0.1, 0.1, 0.1], widen_seconds=1.5)
    # The frames that a score is of reach half a second past the middle of its stretch.
    assert [(e.state, e.start_seconds, e.end_seconds) for e in told] == [
        ('open', 0.5, 3),
        ('growing', 0.5, 4),
        ('growing', 0.5, 4.5),
        ('growing', 0.5, 5.5),
        ('closed', 0.5, 5.5),
    ]
    assert len({e.event_id for e in told}) == 1


def test_growth_is_told_only_so_often():
    told = feed([0.7] * 10 + [0.1], update_seconds=3)
    assert [e.end_seconds for e in told if e.state == 'growing'] == [4, 7, 10]


def test_an_event_that_is_on_at_the_end_reaches_it():
    assert spans(feed([0.1, 0.7, 0.7], end=4.5)) == [(1, 4.5)]
    assert spans(feed([0.1, 0.7, 0.1], end=4.5)) == [(1, 2)]
    # The end alone makes it long enough.
    told = feed([0.1, 0.7], end=4.5, min_seconds=3)
    assert [e.state for e in told] == ['open', 'closed']


def test_a_hole_in_the_scores_ends_the_event():
    automaton = ClassAutomaton('Digging', EventRule(**PLAIN))
    told = automaton.push(0, 1, 0.9, 1) + automaton.push(30, 31, 0.9, 31) + automaton.finish(31)
    assert spans(told) == [(0, 1), (30, 31)]


def oracle(scores, hop, rule):
    """All events of a sequence at once: runs, merged runs, long enough runs."""
    runs, start = [], None
    for number, score in enumerate([*scores, 0.0]):
        if score >= rule.leave and start is None:
            start = number
        elif score < rule.leave and start is not None:
            if max(scores[start:number]) >= rule.enter:
                runs.append([start * hop, number * hop])
            start = None
    merged = []
    for run in runs:
        pause = max(rule.merge_gap_seconds, 2 * rule.widen_seconds)
        if merged and run[0] - merged[-1][1] <= pause + 1e-9:
            merged[-1][1] = run[1]
        else:
            merged.append(run)
    long_enough = [r for r in merged if r[1] - r[0] >= rule.min_seconds - 1e-9]
    wide, last = rule.widen_seconds, len(scores) * hop
    widened = [(max(r[0] - wide, 0.0), min(r[1] + wide, last)) for r in long_enough]
    return [tuple(round(t, 3) for t in span) for span in widened]


@pytest.mark.parametrize('seed', range(50))
def test_equals_the_oracle_on_random_scores(seed):
    rng = np.random.default_rng(seed)
    hop = float(rng.choice([0.1, 0.25, 1.28]))
    rule = EventRule(
        **PLAIN
        | dict(
            min_seconds=hop * int(rng.integers(0, 4)),
            merge_gap_seconds=hop * int(rng.integers(0, 4)),
            widen_seconds=hop * int(rng.integers(0, 3)),
        )
    )
    scores = np.clip(0.5 + 0.4 * np.sin(np.arange(200) / 5) + rng.normal(0, 0.25, 200), 0, 1)
    automaton = ClassAutomaton('Digging', rule)
    told = []
    for number, score in enumerate(scores.tolist()):
        told += automaton.push(number * hop, (number + 1) * hop, score, (number + 9) * hop)
    told += automaton.finish(len(scores) * hop)
    assert spans(told) == oracle(scores.tolist(), hop, rule)
    opened = [e.event_id for e in told if e.state == 'open']
    assert opened == [e.event_id for e in told if e.state == 'closed']
    assert len(set(opened)) == len(opened)
