"""Labels from seconds, feature files, and the windows drawn from them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mmaction_timesformer.datasets import LabelRule, VideoFeatures, WindowSampler, label_recording

CLASSES = ('walk', 'dig', 'nothing')


def event(label: str, start: float, end: float):
    return SimpleNamespace(label=label, start_seconds=start, end_seconds=end)


def test_labels_come_from_seconds():
    """Frames each 0.5 s; walking from 0.6 to 1.6 s, digging from 1.2 to 2.2 s."""
    rule = LabelRule(CLASSES, 'nothing')
    labels, known = rule.labels(
        np.arange(6) * 0.5, [event('walk', 0.6, 1.6), event('dig', 1.2, 2.2)], 2.5
    )
    assert labels.tolist() == [
        [0, 0, 1],
        [0, 0, 1],
        [1, 0, 0],
        [1, 1, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert known.all()


def test_borders_do_not_count_within_the_margin():
    rule = LabelRule(CLASSES, 'nothing', margin_seconds=0.3)
    _, known = rule.labels(np.arange(8) * 0.5, [event('walk', 1.1, 2.6)], 3.0)
    assert known.tolist() == [True, True, False, True, True, False, True, False]


def test_what_comes_is_the_label_of_later_moments():
    video = VideoFeatures(np.arange(12.0).reshape(6, 2), np.arange(6) * 1.0)
    recording = label_recording(
        'a.mp4', video, [event('dig', 3.0, 5.0)], LabelRule(CLASSES, 'nothing'), (2.0,)
    )
    assert recording.labels[:, 0, 1].tolist() == [0, 0, 0, 1, 1, 0]
    assert recording.labels[:, 1, 1].tolist() == [0, 1, 1, 0, 0, 0]
    assert recording.known[:, 1].tolist() == [True] * 4 + [False] * 2
    assert recording.progress[3:5, 1].tolist() == [0.0, 0.5]
    assert np.isnan(recording.progress[[0, 1, 2, 5], 1]).all()


def test_what_was_is_the_label_of_earlier_moments():
    video = VideoFeatures(np.zeros((6, 2)), np.arange(6) * 1.0)
    recording = label_recording(
        'a.mp4', video, [event('dig', 1.0, 3.0)], LabelRule(CLASSES, 'nothing'), (-2.0,)
    )
    assert recording.labels[:, 1, 1].tolist() == [0, 0, 0, 1, 1, 0]
    assert recording.known[:, 1].tolist() == [False] * 2 + [True] * 4


def test_a_feature_file_is_read_as_it_was_written(tmp_path):
    video = VideoFeatures(np.random.default_rng(0).normal(size=(3, 2)), np.arange(3.0), 'model-1')
    video.write(tmp_path / 'deep' / 'a.npz')
    read = VideoFeatures.read(tmp_path / 'deep' / 'a.npz')
    assert np.array_equal(read.features, video.features)
    assert np.array_equal(read.seconds, video.seconds)
    assert read.made_by == 'model-1'
    assert [file.name for file in (tmp_path / 'deep').iterdir()] == ['a.npz']


def test_windows_are_stretches_of_recordings_with_what_follows():
    """Feature and label of frame i are i, so that a window can be read off."""
    seconds = np.arange(40.0)
    videos = [VideoFeatures(start + seconds[:, None], seconds) for start in (0.0, 100.0)]
    rule = LabelRule(CLASSES, 'nothing')
    recordings = [
        label_recording('x', video, [event('dig', 20.0, 30.0)], rule, (3.0,)) for video in videos
    ]
    sampler = WindowSampler(recordings, min_frames=4, max_frames=12)
    lengths = set()
    for _ in range(60):
        batch = sampler.draw(5)
        frames = batch['features'][..., 0]
        lengths.add(frames.shape[1])
        assert (np.diff(frames, axis=1) == 1).all()
        digs = (frames % 100 >= 20) & (frames % 100 < 30)
        assert (batch['labels'][..., 1] == digs).all()
        later = frames[:, -1] % 100 + 3
        assert (batch['future'][:, 0, 1] == (later >= 20) * (later < 30)).all()
        assert (batch['future_known'][:, 0] == (later <= 39)).all()
    assert lengths == set(range(4, 13))


def test_wrong_use_is_one_clear_error(tmp_path):
    with pytest.raises(ValueError, match='seconds must rise'):
        VideoFeatures(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(ValueError, match="background='Other' is not a class"):
        LabelRule(CLASSES, 'Other')
    with pytest.raises(ValueError, match="'fly' is not an event; choose from"):
        LabelRule(CLASSES, 'nothing').labels(np.zeros(1), [event('fly', 0, 1)], 1.0)
    with pytest.raises(ValueError, match='no windows of 16 to 128 frames in 0 recordings'):
        WindowSampler([])
    (tmp_path / 'broken.npz').write_bytes(b'PK not a zip')
    with pytest.raises(ValueError, match=r'broken.npz is not a feature file with features, seco'):
        VideoFeatures.read(tmp_path / 'broken.npz')
