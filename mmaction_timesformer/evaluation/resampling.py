"""How far a metric can be trusted: bootstrap intervals over recordings.

Clips of one recording look alike, so that forty clips of four recordings say less than forty
recordings would. What is resampled is therefore the recording, with all of its clips.

Legend: N clips, G groups (recordings, or clips), R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import expit, logit, stdtrit

LEVEL = 0.95
NUM_RESAMPLES = 2000
SEED = 0

WeightedMetrics = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Weights of the clips (R, N) to metrics (R,) or (R, K), by name."""

ROUNDING = 1e-9
"""How far from 1 a mean of ones may come out."""

_MAX_WEIGHTS = 2**24


def resampled_weights(
    groups: np.ndarray, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> Iterator[np.ndarray]:
    """How often each clip occurs in each resample, in blocks that fit into memory.

    Args:
        groups: (N,) group numbers from 0.
        num_resamples: R.
        seed: Of the random numbers: the same seed draws the same groups, so that two models can
            be compared on the same resamples.

    Yields:
        (r, N) weights; all r add up to R.
    """
    generator = np.random.default_rng(seed)
    num_groups = int(groups.max()) + 1
    block = max(1, _MAX_WEIGHTS // max(len(groups), num_groups))
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        draws = generator.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=size)
        yield draws[:, groups].astype(float)


def resample(
    figures: WeightedMetrics,
    groups: np.ndarray,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> dict[str, np.ndarray]:
    """Compute metrics on every resample: (R,) or (R, K) by name; NaN where undefined."""
    blocks = [figures(weights) for weights in resampled_weights(groups, num_resamples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(
    resampled: np.ndarray, point: float, num_groups: int, level: float = LEVEL
) -> tuple[float, float]:
    """The confidence interval of a difference, or of any metric without bounds.

    Student's t for G groups times the standard error, which is the spread of the resamples.
    Percentiles of the resamples are too narrow where recordings are few (Hesterberg 2015, arXiv
    1411.5279) or errors are rare.

    Args:
        resampled: (R,) values; NaN is left out.
        point: The value on the whole set.
        num_groups: G.
        level: How often the interval shall cover the truth.

    Returns:
        Low and high; NaN where the metric is undefined, one group is all there is, or all
        resamples agree, so that they tell nothing.
    """
    half = _half_width(resampled, point, num_groups, level)
    return float(point - half), float(point + half)


def positive_interval(
    resampled: np.ndarray, point: float, num_groups: int, level: float = LEVEL
) -> tuple[float, float]:
    """The confidence interval of a loss or a rate: that of its logarithm. NaN for 0."""
    if not point > 0:
        return np.nan, np.nan
    half = _half_width(resampled, point, num_groups, level) / point
    return float(point * np.exp(-half)), float(point * np.exp(half))


def share_interval(
    resampled: np.ndarray, point: float, num_groups: int, level: float = LEVEL
) -> tuple[float, float]:
    """The confidence interval of a metric between 0 and 1: that of its log-odds.

    So it stays inside, and reaches further away from the nearer end (Korn and Graubard 1998, Survey
    Methodology 24, pp. 193-201). A perfect metric (or zero) has no finite log-odds; its interval is
    the exact binomial bound for G trials that all ended alike.
    """
    if num_groups < 2:
        return np.nan, np.nan
    if min(point, 1 - point) < ROUNDING:
        bound = ((1 - level) / 2) ** (1 / num_groups)
        return (bound, 1.0) if point > 0.5 else (0.0, 1 - bound)
    half = _half_width(resampled, point, num_groups, level) / (point * (1 - point))
    return float(expit(logit(point) - half)), float(expit(logit(point) + half))


def _half_width(resampled: np.ndarray, point: float, num_groups: int, level: float) -> float:
    """Student's t times the standard error; NaN where the resamples tell nothing."""
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(point) or num_groups < 2 or not len(resampled) or np.ptp(resampled) == 0:
        return np.nan
    # Groups that are drawn from G vary by one G-th less than those G do.
    standard_error = np.std(resampled) * np.sqrt(num_groups / (num_groups - 1))
    return float(stdtrit(num_groups - 1, (1 + level) / 2) * standard_error)
