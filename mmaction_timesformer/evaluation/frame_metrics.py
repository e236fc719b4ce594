"""Per-frame metrics of streams: what is recognised at each frame, and what is foreseen.

- mAP: the mean over classes, the background left out, of the average precision of their frames;
- calibrated mAP: precision as if positives were as frequent as negatives, TP / (TP + FP / w) with
  w = negatives / positives (De Geest et al., ECCV 2016);
- AP by tenth of the event: positives are the frames in that tenth of their event;
- anticipation: the same average precision against what happens some seconds later.

Intervals are over recordings, which are drawn again with all of their frames.

Legend: N frames, F horizons, K classes, R weightings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from mmaction_timesformer.evaluation.classification import Estimate
from mmaction_timesformer.evaluation.resampling import resampled_weights, share_interval
from mmaction_timesformer.evaluation.weighted_metrics import mean_of_defined

NUM_TENTHS = 10
NUM_RESAMPLES = 500
"""Every resample sorts nothing again, but weighs each frame of each class."""


@dataclass(frozen=True)
class FrameScores:
    """Scores and truth of the frames of some recordings.

    Attributes:
        scores: (N, 1 + F, K) probabilities, the present first.
        labels: (N, 1 + F, K), 0 or 1.
        known: Whether those count, (N, 1 + F).
        progress: How much of its event a frame has seen, (N, K); NaN outside of events.
        recordings: (N,) which recording a frame is of, from 0.
    """

    scores: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    progress: np.ndarray
    recordings: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[FrameScores]) -> FrameScores:
        """Parts one after the other; the first axis of each array is the frames."""
        return cls(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )


@dataclass(frozen=True)
class FrameMetrics:
    """Metrics of a model's scores.

    Attributes:
        mean_ap: mAP of the present.
        calibrated_mean_ap: The same, calibrated.
        chance: mAP of random scores, which is the mean share of positives.
        per_class: AP of each class.
        by_tenth: mAP for the frames in each tenth of their events, ten values.
        anticipation: For each horizon its mAP.
        anticipation_chance: For each horizon what random scores reach.
    """

    mean_ap: Estimate
    calibrated_mean_ap: Estimate
    chance: float
    per_class: dict[str, Estimate]
    by_tenth: tuple[float, ...]
    anticipation: dict[float, Estimate]
    anticipation_chance: dict[float, float]


def frame_metrics(
    frames: FrameScores,
    classes: Sequence[str],
    background: str,
    horizons: Sequence[float] = (),
    num_resamples: int = NUM_RESAMPLES,
) -> FrameMetrics:
    """Compute all metrics.

    Args:
        frames: Scores and truth.
        classes: The K classes in index order.
        background: The class left out.
        horizons: Seconds ahead that scores 1 to F are for.
        num_resamples: For the intervals.

    Raises:
        ValueError: The scores are not for these classes and horizons.
    """
    expected = (len(frames.recordings), 1 + len(horizons), len(classes))
    if frames.scores.shape != expected or frames.labels.shape != expected:
        raise ValueError(
            f'scores {frames.scores.shape} and labels {frames.labels.shape} are not {expected}: '
            'frames, the present and each horizon, classes'
        )
    actions = [place for place, name in enumerate(classes) if name != background]

    def estimate(metric: Callable[[np.ndarray], np.ndarray], chosen: np.ndarray) -> Estimate:
        return _with_interval(metric, frames.recordings[chosen], num_resamples)

    def mean_of(moment: int, calibrated: bool = False) -> Estimate:
        chosen = frames.known[:, moment]
        rankings = [_ranking(frames, moment, place) for place in actions]
        return estimate(
            lambda weights: mean_of_defined(
                np.stack([ranking(weights, calibrated) for ranking in rankings], axis=-1)
            ),
            chosen,
        )

    def chance(moment: int) -> float:
        chosen = frames.known[:, moment]
        return float(frames.labels[chosen, moment][:, actions].mean())

    return FrameMetrics(
        mean_ap=mean_of(0),
        calibrated_mean_ap=mean_of(0, calibrated=True),
        chance=chance(0),
        per_class={
            classes[place]: estimate(_ranking(frames, 0, place), frames.known[:, 0])
            for place in actions
        },
        by_tenth=tuple(_tenth(frames, actions, tenth) for tenth in range(NUM_TENTHS)),
        anticipation={ahead: mean_of(1 + place) for place, ahead in enumerate(horizons)},
        anticipation_chance={ahead: chance(1 + place) for place, ahead in enumerate(horizons)},
    )


class Ranking:
    """Frames from the highest score on, for average precision under many weightings.

    Args:
        scores: (N,).
        is_positive: (N,) bool.
    """

    def __init__(self, scores: np.ndarray, is_positive: np.ndarray) -> None:
        self._order = np.argsort(-scores, kind='stable')
        self._is_positive = is_positive[self._order].astype(float)
        # Frames of one score are found together: precision is that behind the last of them.
        ranked = scores[self._order]
        self._last = np.searchsorted(-ranked, -ranked, side='right') - 1

    def __call__(self, weights: np.ndarray, calibrated: bool = False) -> np.ndarray:
        """Average precision (R,) for weights (R, N); NaN where nothing is positive.

        Args:
            weights: How often each frame counts.
            calibrated: Whether precision is calibrated.
        """
        weights = weights[:, self._order]
        positive = weights * self._is_positive
        hits = positive.cumsum(axis=1)
        misses = weights.cumsum(axis=1) - hits
        num_positive, num_negative = hits[:, -1:], misses[:, -1:]
        with np.errstate(invalid='ignore', divide='ignore'):
            if calibrated:
                misses = misses * num_positive / num_negative
            precision = np.where(hits > 0, hits / (hits + misses), 0.0)
            return (precision[:, self._last] * positive).sum(axis=1) / num_positive[:, 0]


def _ranking(frames: FrameScores, moment: int, place: int) -> Ranking:
    known = frames.known[:, moment]
    return Ranking(
        frames.scores[known, moment, place], frames.labels[known, moment, place].astype(bool)
    )


def _tenth(frames: FrameScores, actions: Sequence[int], tenth: int) -> float:
    """Mean AP where positives are the frames in one tenth of their event."""
    values = []
    for place in actions:
        tenths = np.minimum(np.nan_to_num(frames.progress[:, place], nan=-1) * NUM_TENTHS, 9.5)
        positive = frames.labels[:, 0, place] > 0
        chosen = frames.known[:, 0] & (~positive | (np.floor(tenths) == tenth))
        ranking = Ranking(frames.scores[chosen, 0, place], positive[chosen])
        values.append(float(ranking(np.ones((1, int(chosen.sum()))))[0]))
    return float(mean_of_defined(np.array(values)))


def _with_interval(
    metric: Callable[[np.ndarray], np.ndarray], recordings: np.ndarray, num_resamples: int
) -> Estimate:
    """A metric of frames and its interval over recordings."""
    value = float(metric(np.ones((1, len(recordings))))[0])
    _, groups = np.unique(recordings, return_inverse=True)
    blocks = [metric(weights) for weights in resampled_weights(groups, num_resamples)]
    low, high = share_interval(np.concatenate(blocks), value, int(groups.max()) + 1)
    return Estimate(value, low, high)
