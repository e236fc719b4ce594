"""Closed-form recipes: ridge and logistic regression, and what can be varied about them.

Legend: N training rows, M clips to predict, F features, K classes, V views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.special import softmax

from mmaction_timesformer.engine.loops.choosing import (
    STRENGTHS,
    Choice,
    Fit,
    Rows,
    choose,
    fit_rows,
)
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row

PENALTIES: dict[str, Sequence[float]] = {'ridge': STRENGTHS, 'logistic': (0.01, 0.1, 1.0)}
"""Strengths to choose from."""

ROUNDS = 3
"""How often clips without labels get new answers."""


@dataclass(frozen=True)
class ClosedFormOptions:
    """Options of a row.

    Attributes:
        test_views: Views of a test clip whose answers are averaged, of the row's views.
        group_power: Clips of a class from one camera weigh as much as their number to this power:
            1 each clip the same, 0 each camera the same.
        agreement: Weight of the demand that two views of a clip have the same answer.
        pseudo_labels: Weight of the new cameras' clips, labelled by their own answers, beside that
            of all training clips; this looks at the new cameras.
        candidates: Changes of the row, such as of ``over_space`` or ``stage``: the one is taken
            that predicts best what is left out among the training clips.
    """

    test_views: int = 1
    group_power: float = 1.0
    agreement: float = 0.0
    pseudo_labels: float = 0.0
    candidates: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, row: Row) -> ClosedFormOptions:
        """The options of a row.

        Raises:
            ValueError: Names unknown ones, and views that the row lacks.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(row.options) - set(known)):
            raise ValueError(f'{row.name}: options {unknown}; choose from {known}')
        options = cls(**row.options)
        if max(options.test_views, 2 if options.agreement else 1) > row.views:
            raise ValueError(f'{row.name}: its options need more than views={row.views}')
        return options


def ridge(task: Task) -> np.ndarray:
    """Ridge regression, calibrated: what ``ClosedFormHead`` is."""
    return _predict(task, 'ridge')


def logistic(task: Task) -> np.ndarray:
    """L2-regularised logistic regression of balanced classes, calibrated."""
    return _predict(task, 'logistic')


def _predict(task: Task, method: str) -> np.ndarray:
    """(M, K) probabilities."""
    options = ClosedFormOptions.of(task.row)
    if options.candidates:
        return _predict(_chosen(task, options.candidates, method), method)
    rows = _weighted(task.training_rows(), options.group_power)
    choice = choose(rows, task.num_classes, True, PENALTIES[method], method)
    # Classes are balanced here, so that rows which are added below do not count as theirs.
    totals = np.bincount(rows.labels, rows.weights)
    rows = replace(rows, weights=rows.weights / totals[rows.labels] * totals.mean())
    views = [task.features(view)[task.fold.test] for view in range(options.test_views)]
    if options.agreement:
        rows = _joined(rows, _agreement_rows(task, rows, options.agreement))

    def fit(rows: Rows) -> Fit:
        return fit_rows(rows, task.num_classes, choice.strength, False, method)

    logits = _answers(fit(rows), views, choice)
    for _ in range(ROUNDS if options.pseudo_labels else 0):
        weights = softmax(logits, axis=1) * options.pseudo_labels * rows.weights.sum() / len(logits)
        logits = _answers(fit(_joined(rows, soft_rows(views[0], weights))), views, choice)
    return softmax(logits, axis=1)


def _answers(fit: Fit, views: Sequence[np.ndarray], choice: Choice) -> np.ndarray:
    return np.mean([fit.calibrated(view, choice) for view in views], axis=0)


def _chosen(task: Task, candidates: Sequence[Mapping[str, Any]], method: str) -> Task:
    """The task with the change that has the least log loss on what is left out in turn.

    What the study leaves out, cameras or sites, is left out here too, among the training clips.
    """
    others = {key: value for key, value in task.row.options.items() if key != 'candidates'}
    tasks = [
        replace(task, row=replace(task.row, options=others, **candidate))
        for candidate in candidates
    ]
    numbers = np.concatenate([task.training_clips(view) for view in range(len(task.arrays))])
    left_out = np.unique(task.clips.left_out[numbers], return_inverse=True)[1]

    def loss(candidate: Task) -> float:
        rows = replace(candidate.training_rows(), groups=left_out)
        return choose(rows, task.num_classes, True, PENALTIES[method], method).log_loss

    return min(tasks, key=loss)


def _weighted(rows: Rows, power: float) -> Rows:
    """The rows with weights by which cameras count as asked within each class."""
    cells = np.unique(np.stack([rows.labels, rows.groups]), axis=1, return_inverse=True)[1].ravel()
    return replace(rows, weights=rows.weights * np.bincount(cells)[cells] ** (power - 1.0))


def _agreement_rows(task: Task, rows: Rows, weight: float) -> Rows:
    """Differences of two views, laid at the mean, as clips that are of all classes alike."""
    train = task.fold.train
    mean = rows.weights @ rows.features / rows.weights.sum()
    differences = mean + task.features(1)[train] - task.features(0)[train]
    share = weight * rows.weights.sum() / len(train) / task.num_classes
    return soft_rows(differences, np.full((len(train), task.num_classes), share))


def soft_rows(features: np.ndarray, weights: np.ndarray) -> Rows:
    """Clips (N, F) that are of each class by its weight (N, K)."""
    count, num_classes = weights.shape
    labels = np.tile(np.arange(num_classes), count)
    groups = np.full(len(labels), -1)
    return Rows(np.repeat(features, num_classes, axis=0), labels, groups, weights.ravel())


def _joined(rows: Rows, others: Rows) -> Rows:
    pairs = [(getattr(rows, field.name), getattr(others, field.name)) for field in fields(Rows)]
    return Rows(*(np.concatenate(pair) for pair in pairs))
