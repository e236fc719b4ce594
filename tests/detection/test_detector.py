"""The whole way from video files to events, with a model that reads colours."""

import threading
import time

import av
import numpy as np
import pytest
import torch

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.sources.records import End
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.detection.windows import WindowSettings
from tests.detection.signal_videos import (
    CLASSES,
    every,
    make_detector,
    prepare,
    read_colours,
    write_video,
)
from video_clips.reading.video import VideoError, open_video

DIGGING = [(4.0, 9.0), (15.0, 18.0)]
WALKING = [(10.0, 14.0)]
HOP = 0.25


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'yard 1.mp4'
    return write_video(path, every(25, 24.0), DIGGING, WALKING)


def boundaries(events):
    return [(event.label, event.start_seconds, event.end_seconds) for event in events]


def scored_windows(detector, path):
    records = detector.watch([Source('a', str(path))])
    return [record.window for record in records if isinstance(record, Scored)]


def test_finds_each_event_where_the_picture_shows_it(recording):
    events = make_detector().detect(recording)
    assert [event.label for event in events] == ['Digging', 'Walking', 'Digging']
    for event, (start, end) in zip(events, [DIGGING[0], WALKING[0], DIGGING[1]], strict=True):
        assert event.start_seconds == pytest.approx(start, abs=2 * HOP)
        assert event.end_seconds == pytest.approx(end, abs=2 * HOP)
        assert event.state == 'closed'
        assert event.peak_score > 0.9
        assert event.source == str(recording)
        assert event.model == 'colours'
        # It was said when half a window beyond the threshold had been seen, and not much later.
        assert 0 < event.alarm_seconds - event.start_seconds < 2.0


def test_a_stream_gives_the_events_of_the_file(recording):
    expected = make_detector().detect(recording)
    source = Source(str(recording), str(recording), pace=20.0)
    started = time.monotonic()
    said = list(make_detector(queue_size=200).stream(source))
    elapsed_seconds = time.monotonic() - started
    assert boundaries(e for e in said if e.state == 'closed') == boundaries(expected)
    for event in expected:
        states = [e.state for e in said if e.event_id == event.event_id]
        assert states[0] == 'open'
        assert set(states[1:-1]) == {'growing'}
        assert states[-1] == 'closed'
    assert all(0 <= e.latency_seconds < elapsed_seconds for e in said if e.state == 'open')


@pytest.mark.parametrize('rate', ['10 fps', 'variable'])
def test_other_frame_rates_give_the_same_events(recording, tmp_path, rate):
    if rate == 'variable':
        steps = np.random.default_rng(0).uniform(0.01, 0.15, size=1000).cumsum()
        moments = [0.0, *steps[steps < 24.0].tolist()]
    else:
        moments = every(10, 24.0)
    copy = write_video(tmp_path / 'copy.mp4', moments, DIGGING, WALKING)
    expected, found = make_detector().detect(recording), make_detector().detect(copy)
    assert [event.label for event in found] == [event.label for event in expected]
    for event, other in zip(expected, found, strict=True):
        assert event.start_seconds == pytest.approx(other.start_seconds, abs=HOP)
        assert event.end_seconds == pytest.approx(other.end_seconds, abs=HOP)


def test_scores_equal_those_of_each_window_decoded_afresh(recording):
    detector = make_detector()
    windows = detector.settings.windows
    scored = scored_windows(detector, recording)
    assert len(scored) == int((24.0 - 0.04 - 1.75) / HOP) + 1
    with open_video(recording) as video:
        for number in (0, 3, 40):
            moments = np.array(windows.moments(number)) / 1e6
            # The later one of two that are equally near.
            distances = np.abs(video.seconds[::-1, None] - moments)
            nearest = video.num_frames - 1 - distances.argmin(axis=0)
            clip = torch.cat([prepare(picture) for picture in video.decode(nearest)])
            expected = read_colours(clip.transpose(0, 1)[None])[0]
            assert scored[number].scores == pytest.approx(expected.tolist(), abs=1e-5)
            assert scored[number].newest_seconds == pytest.approx(video.seconds[nearest[-1]])


def test_each_frame_is_prepared_once_and_only_if_a_window_shows_it(recording):
    num_prepared = 0

    def count(picture):
        nonlocal num_prepared
        num_prepared += 1
        return prepare(picture)

    detector = make_detector()
    detector.prepare = count
    assert len(scored_windows(detector, recording)) == 89
    assert num_prepared == 89 + 7


def test_crops_are_averaged(recording):
    def two_crops(picture):
        return torch.cat([prepare(picture), torch.zeros(1, 3, 8, 8)])

    detector = make_detector()
    plain = scored_windows(detector, recording)
    detector.prepare = two_crops
    both = scored_windows(detector, recording)
    for one, two in zip(plain, both, strict=True):
        expected = [one.scores[0] / 2, one.scores[1] / 2, (one.scores[2] + 1) / 2]
        assert two.scores == pytest.approx(expected, abs=1e-5)


def test_a_recording_shorter_than_a_window_is_shown_whole(tmp_path):
    video = write_video(tmp_path / 'short.mp4', every(25, 1.0), [(0.0, 1.0)])
    (event,) = make_detector().detect(video)
    assert event.label == 'Digging'
    assert (event.start_seconds, event.end_seconds) == (0.0, pytest.approx(1.0, abs=0.05))


def test_a_model_that_sees_one_frame(recording):
    detector = make_detector(windows=WindowSettings(1, 0.25, 0.25))
    events = detector.detect(recording)
    assert [event.label for event in events] == ['Digging', 'Walking', 'Digging']


def test_centred_smoothing_and_minimum_length(recording):
    rule = EventRule('centred', 1.0, 0.6, 0.4, min_seconds=3.5, merge_gap_seconds=0.0)
    events = make_detector(rule=rule).detect(recording)
    assert [event.label for event in events] == ['Digging', 'Walking']


def test_several_sources_share_the_model(recording, tmp_path):
    other = write_video(tmp_path / 'other.mp4', every(10, 12.0), [], [(3.0, 8.0)])
    batches = []

    def score(clips):
        batches.append(len(clips))
        return read_colours(clips)

    detector = make_detector(score)
    said = list(detector.stream([str(recording), str(other)]))
    closed = [event for event in said if event.state == 'closed']
    assert boundaries(e for e in closed if e.source == str(recording)) == boundaries(
        make_detector().detect(recording)
    )
    assert boundaries(e for e in closed if e.source == str(other)) == boundaries(
        make_detector().detect(other)
    )
    assert max(batches) == 8


@pytest.mark.parametrize(
    ('content', 'reason'), [(None, 'no such file'), (b'', 'empty'), (b'no video at all', 'video')]
)
def test_a_file_that_is_no_video_is_named(tmp_path, content, reason):
    path = tmp_path / 'broken.mp4'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=reason) as caught:
        make_detector().detect(path)
    assert caught.value.path == str(path)


def test_a_source_that_fails_does_not_end_the_others(recording, tmp_path):
    events = []
    stream = make_detector().stream([str(tmp_path / 'missing.mp4'), str(recording)])
    with pytest.raises(VideoError, match='no such file'):
        events.extend(stream)
    assert sum(event.state == 'closed' for event in events) == 3


def test_a_rule_for_an_unknown_class_is_refused():
    detector = make_detector()
    with pytest.raises(ValueError, match='Dancing'):
        DangerDetector(read_colours, prepare, CLASSES, {'Dancing': EventRule()}, detector.settings)


class OddError(BaseException):
    """Nothing that anybody foresees."""


@pytest.mark.parametrize('error', [KeyError('imgs'), av.error.ExternalError(1, 'no'), OddError()])
def test_whatever_a_frame_leads_to_ends_its_source_only(recording, tmp_path, error):
    other = write_video(tmp_path / 'other.mp4', every(10, 6.0), [], [(2.0, 4.0)])

    def fail_on_red(picture):
        if picture[0, 0, 0] > 200:
            raise error
        return prepare(picture)

    detector = make_detector()
    detector.prepare = fail_on_red
    stop = threading.Event()
    impatience = threading.Timer(60.0, stop.set)
    impatience.start()
    sources = [Source('bad', str(recording)), Source('good', str(other))]
    records = list(detector.watch(sources, stop=stop))
    impatience.cancel()
    ends = {record.source: record for record in records if isinstance(record, End)}
    assert ends['bad'].error.startswith(type(error).__name__)
    assert ends['good'].error == ''
    assert [u.source for u in records if isinstance(u, DangerEvent) and u.state == 'closed'] == [
        'good'
    ]
