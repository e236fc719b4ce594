"""Recipes to compare with: the majority class and the nearest neighbour.

Legend: M clips to predict, F features, K classes.
"""

from __future__ import annotations

import numpy as np

from mmaction_timesformer.studies.recipes.task import Task

SMALLEST_DEVIATION = 1e-6


def majority(task: Task) -> np.ndarray:
    """Shares of the classes among the training clips."""
    labels = task.clips.labels[task.fold.train]
    shares = np.bincount(labels, minlength=task.num_classes) / len(labels)
    return np.tile(shares, (len(task.fold.test), 1))


def neighbour(task: Task) -> np.ndarray:
    """The class of the nearest training clip, for sure."""
    features = task.features()
    mean, deviation = _moments(features[task.fold.train])
    features = (features - mean) / deviation
    train, test = features[task.fold.train], features[task.fold.test]
    products = test @ train.T
    nearest = (np.square(train).sum(axis=1) - 2 * products).argmin(axis=1)
    return np.eye(task.num_classes)[task.clips.labels[task.fold.train][nearest]]


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    deviation = features.std(axis=0)
    return features.mean(axis=0), np.where(deviation < SMALLEST_DEVIATION, np.inf, deviation)
