"""Stratified folds that keep groups together: scikit-learn's, without its advice."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

Folds = list[tuple[np.ndarray, np.ndarray]]


def grouped_folds(num_folds: int, labels: np.ndarray, groups: np.ndarray, seed: int) -> Folds:
    """Positions of train and test for each fold.

    Args:
        num_folds: At most the number of groups, and of clips of the largest class.
        labels: (N,) classes, spread over the folds as evenly as the groups allow.
        groups: (N,) groups that stay together.
        seed: The same seed gives the same folds.
    """
    folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # That a class is in fewer groups than there are folds is reported elsewhere, with its name.
        warnings.filterwarnings('ignore', message='The least populated class')
        return list(folds.split(np.zeros(len(labels)), labels, groups))
