"""Detection with a model that keeps a state: sources kept apart, kills, gaps, frame rates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch

from mmaction_timesformer.detection import running
from mmaction_timesformer.detection.delivery.sinks import Sink
from mmaction_timesformer.detection.events.anticipation import choose_dangers, expected_truth
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.detection.results.event_log import read_events
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.results.stream_states import StreamStates
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.feed import Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.detection.windows import WindowSettings
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from tests.detection.signal_videos import every, make_detector, write_video

HOP = 0.25
MOMENTS = WindowSettings(num_frames=1, span_seconds=HOP, hop_seconds=HOP)


class FadingColours:
    """Red and green, each blended half and half with what was said before; counts its frames."""

    def begin(self):
        return torch.zeros(3), 0

    def step(self, pictures, state, seconds=None):
        assert len(seconds) == pictures.shape[1]
        value, count = state
        rows = []
        for red, green, _ in (pictures.mean(dim=(2, 3)) / 220).clamp(0, 1).T:
            value = (value + torch.stack((red, green, (1 - red - green).clamp(0)))) / 2
            rows.append(value)
        return torch.stack(rows)[:, None], (value, count + len(rows))


def make_stream_detector(**settings):
    return make_detector(StreamScorer(FadingColours()), windows=MOMENTS, **settings)


def scores_of(detector, sources):
    rows: dict[str, list] = {}
    for update in detector.watch(sources):
        if isinstance(update, Scored):
            rows.setdefault(update.source, []).append(update.window)
    return rows


@pytest.fixture(scope='module')
def yard(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'yard.mp4'
    return write_video(path, every(8, 30.0), [(5.0, 9.0), (15.0, 19.0)], [(21.0, 25.0)])


def test_scores_are_those_of_a_state_that_goes_on(yard):
    """Four seconds of red: 1/2, 3/4, 7/8 of the way, and then as slowly back."""
    windows = scores_of(make_stream_detector(batch_size=3), [Source('yard', str(yard))])['yard']
    assert [window.seconds for window in windows[:3]] == [0.0, 0.25, 0.5]
    red = [window.scores[0] for window in windows]
    assert red[20:23] == pytest.approx([0.5, 0.75, 0.875], abs=0.02)
    assert red[36:38] == pytest.approx([0.5, 0.25], abs=0.02)


def test_sources_that_take_turns_are_kept_apart(yard, tmp_path):
    other = write_video(tmp_path / 'other.mp4', every(8, 30.0), [(2.0, 27.0)])
    sources = [Source('yard', str(yard)), Source('other', str(other))]
    together = scores_of(make_stream_detector(batch_size=5), sources)
    detector = make_stream_detector(batch_size=1)
    for source in sources:
        # The same detector again: what it saw before is forgotten.
        assert scores_of(detector, [source])[source.name] == together[source.name]
        assert scores_of(detector, [source])[source.name] == together[source.name]


@dataclass
class _Killed(Sink):
    """Breaks a run off at an event, as a kill would: nothing is closed in good order."""

    after: int

    def write(self, record):
        self.after -= record['record'] == 'event'
        if self.after == 0:
            raise RuntimeError('killed')

    def close(self):
        pass


@pytest.mark.parametrize('after', [1, 3, 5])
def test_a_killed_run_goes_on_with_the_same_scores_and_events(yard, tmp_path, after):
    source = [Source('yard', str(yard))]
    run(make_stream_detector(), source, tmp_path / 'whole')
    with pytest.raises(RuntimeError, match='killed'):
        run(make_stream_detector(batch_size=1), source, tmp_path / 'killed', [_Killed(after)])
    run(make_stream_detector(), source, tmp_path / 'killed')
    killed, whole = (
        [
            (event.label, event.start_seconds, event.end_seconds, event.peak_score, event.state)
            for event in read_events(tmp_path / name / EVENTS)
        ]
        for name in ('killed', 'whole')
    )
    assert killed == whole
    assert len(whole) == 3
    assert read_scores(tmp_path / 'killed' / SCORES) == read_scores(tmp_path / 'whole' / SCORES)


@dataclass(frozen=True)
class _Blend:
    """A state that can be saved."""

    value: torch.Tensor
    count: int

    def state_dict(self):
        return {'value': self.value, 'count': self.count}

    @classmethod
    def from_state_dict(cls, content):
        return cls(content['value'], content['count'])


class _SavedColours(FadingColours):
    """As before, with a state that can be saved; counts the frames that it is given."""

    num_steps = 0

    def begin(self):
        return _Blend(*super().begin())

    def step(self, pictures, state, seconds=None):
        self.num_steps += pictures.shape[1]
        rows, new = super().step(pictures, (state.value, state.count), seconds)
        return rows, _Blend(*new)


def test_a_killed_run_goes_on_from_a_saved_state(yard, tmp_path, monkeypatch):
    """Four frames a second; the state is saved every two seconds."""
    monkeypatch.setattr(running, 'StreamStates', partial(StreamStates, period_seconds=2.0))
    source = [Source('yard', str(yard))]

    def detector(**settings):
        return make_detector(StreamScorer(_SavedColours()), windows=MOMENTS, **settings)

    run(detector(), source, tmp_path / 'whole')
    with pytest.raises(RuntimeError, match='killed'):
        run(detector(batch_size=1), source, tmp_path / 'killed', [_Killed(3)])
    again = detector()
    run(again, source, tmp_path / 'killed')
    killed, whole = (
        (read_scores(tmp_path / name / SCORES), [
            replace(event, latency_seconds=None)
            for event in read_events(tmp_path / name / EVENTS)
        ])
        for name in ('killed', 'whole')
    )  # fmt: skip
    assert killed[0] == whole[0]
    final = [event for event in whole[1] if event.state == 'closed']
    assert [event for event in killed[1] if event.state == 'closed'] == final
    # All 120 frames are in the state, and those from its last saving on alone were scored again.
    assert again.score._states['yard'].count == 120
    assert again.score.model.num_steps < 100


def test_a_damaged_state_costs_time_alone(tmp_path, caplog):
    states = StreamStates(tmp_path, 'model', period_seconds=1.0)
    for second in (0.0, 1.0):
        states.offer('yard', second, _Blend(torch.full((3,), second), int(second)))
    assert states.find('yard', 1.5)[0] == 1.0
    assert states.find('yard', 0.5)[0] == 0.0
    assert StreamStates(tmp_path, 'other').find('yard', 9.0) is None
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert states.find('yard', 9.0) is None
    assert 'frames are scored again' in caplog.text


def test_a_gap_begins_a_new_state(tmp_path):
    """The time stamps jump by two minutes while somebody digs: that is forgotten."""
    moments = [*every(8, 6.0), *(120.0 + moment for moment in every(8, 6.0))]
    path = write_video(tmp_path / 'gap.mp4', moments, [(0.0, 6.0), (123.0, 124.0)])
    updates = list(make_stream_detector().watch([Source('gap', str(path))]))
    assert sum(isinstance(update, Gap) for update in updates) == 1
    windows = [update.window for update in updates if isinstance(update, Scored)]
    after = [window.scores[0] for window in windows if window.seconds >= 120.0]
    before = [window.scores[0] for window in windows if window.seconds < 120.0]
    assert before[-1] > 0.9
    assert max(after[:4]) < 0.05


def test_frame_rates_give_the_same_events_within_a_hop(tmp_path):
    digging, walking = [(3.0, 7.0), (12.0, 15.0)], [(17.0, 19.5)]
    variable = sorted({*every(9, 20.0), *every(25, 10.0)})
    found = []
    for name, moments in (('25', every(25, 20)), ('10', every(10, 20)), ('variable', variable)):
        path = write_video(tmp_path / f'{name}.mp4', moments, digging, walking)
        found.append(make_stream_detector().detect(path))
    assert [event.label for event in found[0]] == ['Digging', 'Digging', 'Walking']
    for events in found[1:]:
        assert [event.label for event in events] == [event.label for event in found[0]]
        for event, other in zip(events, found[0], strict=True):
            assert event.start_seconds == pytest.approx(other.start_seconds, abs=HOP)
            assert event.end_seconds == pytest.approx(other.end_seconds, abs=HOP)


def test_several_crops_are_refused():
    window = type('Window', (), dict(index=0, seconds=0.0, frames=(torch.zeros(3, 3, 8, 8),)))()
    with pytest.raises(ValueError, match='a stream model takes one picture a moment'):
        StreamScorer(FadingColours()).score([('yard', window)])


def test_what_is_expected_is_a_danger_only_on_request():
    classes, tuned = ('Dig', 'Other'), {'Dig': {'enter': 0.5}, 'Dig in 2 s': {'enter': 0.9}}
    assert choose_dangers(classes, (1.0, 2.0), None) == {'Dig': {}}
    assert choose_dangers(classes, (1.0, 2.0), tuned) == {'Dig': {'enter': 0.5}}
    at_once = {'lookback_seconds': 0.0}
    assert choose_dangers(classes, (1.0, 2.0), tuned, 2.0) == {
        'Dig': {'enter': 0.5},
        'Dig in 2 s': {'enter': 0.9, **at_once},
    }
    assert choose_dangers(classes, (-2.0, 1.0), {'Dig': {'enter': 0.5}}, 1.0) == {
        'Dig': {'enter': 0.5},
        'Dig in 1 s': at_once,
    }
    with pytest.raises(ValueError, match=r'anticipate=3 must be one of .1.0, 2.0. seconds'):
        choose_dangers(classes, (1.0, 2.0), None, 3.0)


def test_what_a_perfect_model_expects_comes_as_much_earlier():
    truth = {'a': TrueRecording((TrueEvent('Dig', 1.0, 5.0), TrueEvent('Dig', 9.0, 12.0)), 20.0)}
    expected = expected_truth(truth, 2.0)['a']
    assert expected.duration_seconds == 20.0
    assert expected.events[2:] == (
        TrueEvent('Dig in 2 s', 0.0, 3.0),
        TrueEvent('Dig in 2 s', 7.0, 10.0),
    )
