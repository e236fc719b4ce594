"""Per-frame metrics against scikit-learn and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mmaction_timesformer.evaluation.frame_metrics import FrameScores, Ranking, frame_metrics

CLASSES = ('walk', 'dig', 'nothing')


@pytest.mark.parametrize('decimals', [8, 1], ids=['all differ', 'many equal'])
def test_average_precision_is_scikit_learns(decimals):
    rng = np.random.default_rng(0)
    scores = rng.random(200).round(decimals)
    positive = rng.random(200) < 0.2
    weights = rng.integers(0, 4, (3, 200)).astype(float)
    expected = [average_precision_score(positive, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(Ranking(scores, positive)(weights), expected)


def test_calibrated_precision_by_hand():
    """Ranked + - + - - -: w = 2, so hits at 1 / (1 + 0) and 2 / (2 + 1 / 2)."""
    ranking = Ranking(np.arange(6.0)[::-1], np.array([1, 0, 1, 0, 0, 0], bool))
    assert ranking(np.ones((1, 6)), calibrated=True)[0] == pytest.approx((1 + 2 / 2.5) / 2)
    assert ranking(np.ones((1, 6)))[0] == pytest.approx((1 + 2 / 3) / 2)


def make_frames(num_recordings: int = 6, length: int = 50) -> FrameScores:
    """Each recording digs in frames 10 to 29 and walks in 30 to 39; nothing is known of 40."""
    rng = np.random.default_rng(1)
    frame = np.tile(np.arange(length), num_recordings)
    labels = np.zeros((len(frame), 2, 3))
    for moment, later in enumerate((0, 5)):
        dig = (frame + later >= 10) & (frame + later < 30)
        walk = (frame + later >= 30) & (frame + later < 40)
        labels[:, moment] = np.stack((walk, dig, ~(walk | dig)), axis=1)
    progress = np.full((len(frame), 3), np.nan)
    digs, walks = labels[:, 0, 1] > 0, labels[:, 0, 0] > 0
    progress[digs, 1] = (frame[digs] - 10) / 20
    progress[walks, 0] = (frame[walks] - 30) / 10
    known = np.ones((len(frame), 2), bool)
    known[frame == 40, 0] = known[frame >= length - 5, 1] = False
    scores = labels * 0.6 + rng.random(labels.shape)
    return FrameScores(scores, labels, known, progress, frame_recording(num_recordings, length))


def frame_recording(num_recordings: int, length: int) -> np.ndarray:
    return np.repeat(np.arange(num_recordings), length)


def test_means_leave_the_background_out():
    frames = make_frames()
    metrics = frame_metrics(frames, CLASSES, 'nothing', (2.5,), num_resamples=50)

    def mean(moment: int) -> float:
        known = frames.known[:, moment]
        return np.mean(
            [
                average_precision_score(
                    frames.labels[known, moment, place], frames.scores[known, moment, place]
                )
                for place in (0, 1)
            ]
        )

    assert metrics.mean_ap.value == pytest.approx(mean(0))
    assert metrics.anticipation[2.5].value == pytest.approx(mean(1))
    assert metrics.chance == pytest.approx((10 + 20) / 2 / 49)
    assert set(metrics.per_class) == {'walk', 'dig'}
    assert metrics.mean_ap.low < metrics.mean_ap.value < metrics.mean_ap.high
    assert metrics.calibrated_mean_ap.value > metrics.mean_ap.value


def test_tenths_take_the_positives_of_their_part_alone():
    """Found but in the last half of every event."""
    frames = make_frames()
    late = np.nan_to_num(frames.progress, nan=0) >= 0.5
    scores = frames.labels.copy()
    scores[:, 0][late] = 0
    metrics = frame_metrics(
        FrameScores(scores, frames.labels, frames.known, frames.progress, frames.recordings),
        CLASSES, 'nothing', (2.5,), num_resamples=20,
    )  # fmt: skip
    assert metrics.by_tenth[:5] == pytest.approx([1.0] * 5)
    assert max(metrics.by_tenth[5:]) < 0.1


def test_a_perfect_model_is_perfect_and_random_scores_are_chance():
    frames = make_frames(num_recordings=40)
    perfect = FrameScores(
        frames.labels, frames.labels, frames.known, frames.progress, frames.recordings
    )
    metrics = frame_metrics(perfect, CLASSES, 'nothing', (2.5,), num_resamples=20)
    assert metrics.mean_ap.value == metrics.anticipation[2.5].value == 1
    random = FrameScores(
        np.random.default_rng(3).random(frames.labels.shape),
        frames.labels, frames.known, frames.progress, frames.recordings,
    )  # fmt: skip
    metrics = frame_metrics(random, CLASSES, 'nothing', (2.5,), num_resamples=20)
    assert metrics.mean_ap.value == pytest.approx(metrics.chance, abs=0.04)
    assert metrics.calibrated_mean_ap.value == pytest.approx(0.5, abs=0.05)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r'are not \(300, 1, 3\): frames, the present'):
        frame_metrics(make_frames(), CLASSES, 'nothing')
