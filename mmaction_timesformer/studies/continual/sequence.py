"""The order in which clips come, and what is measured after each step.

Legend: S steps, N clips, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmaction_timesformer.studies.clips import StudyClips

TEST_EVERY = 3
"""Of each class at each camera, every third clip is for the test, beginning with the second."""


@dataclass(frozen=True)
class Step:
    """Clips and classes that come at one time.

    Attributes:
        name: Of the camera, or of the class.
        train: Numbers of clips to learn.
        test: Numbers of clips to be asked from then on.
        known: (K,) booleans: the classes that have come so far.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    known: np.ndarray


def make_steps(clips: StudyClips, last_class: str, seed: int) -> list[Step]:
    """Cameras in a random order without the last class, then that class from all cameras.

    Args:
        clips: The clips.
        last_class: Which comes last.
        seed: Of the order of cameras, and of which clips are for the test.

    Raises:
        ValueError: There is no such class.
    """
    if last_class not in clips.classes:
        raise ValueError(f'{last_class!r} is none of the classes {list(clips.classes)}')
    last = clips.labels == clips.classes.index(last_class)
    generator = np.random.default_rng(seed)
    is_test = choose_test(clips, generator)
    cameras = generator.permutation(np.unique(clips.groups))
    parts = [(str(camera), (clips.groups == camera) & ~last) for camera in cameras]
    known = np.zeros(len(clips.classes), dtype=bool)
    steps = []
    for name, chosen in [*parts, (f'class {last_class}', last)]:
        train, test = np.flatnonzero(chosen & ~is_test), np.flatnonzero(chosen & is_test)
        if len(train) and len(test):
            known = known.copy()
            known[clips.labels[train]] = True
            steps.append(Step(name, train, test, known))
    return steps


def choose_test(clips: StudyClips, generator: np.random.Generator) -> np.ndarray:
    """(N,) booleans: the clips for the test."""
    is_test = np.zeros(len(clips), dtype=bool)
    for camera in np.unique(clips.groups):
        for label in np.unique(clips.labels):
            rows = np.flatnonzero((clips.groups == camera) & (clips.labels == label))
            is_test[generator.permutation(rows)[1::TEST_EVERY]] = True
    return is_test


@dataclass(frozen=True)
class Course:
    """How one learner did in one order.

    Attributes:
        steps: S steps.
        answers: (S, N) class that is given after each step; only clips asked by then count.
        labels: (N,) classes.
        seconds: Time for learning, all steps together.
    """

    steps: Sequence[Step]
    answers: np.ndarray
    labels: np.ndarray
    seconds: float

    def matrix(self) -> np.ndarray:
        """(S, S) accuracy after each step on the clips of each step until then; NaN elsewhere."""
        right = self.answers == self.labels
        found = np.full((len(self.steps), len(self.steps)), np.nan)
        for row in range(len(self.steps)):
            for column, step in enumerate(self.steps[: row + 1]):
                found[row, column] = right[row, step.test].mean()
        return found

    @property
    def average_accuracy(self) -> float:
        """Mean over steps of the accuracy at the end."""
        return float(self.matrix()[-1].mean())

    @property
    def clip_accuracy(self) -> float:
        """Accuracy at the end over all clips of the test."""
        asked = np.concatenate([step.test for step in self.steps])
        return float((self.answers[-1, asked] == self.labels[asked]).mean())

    @property
    def forgetting(self) -> float:
        """Mean over all steps but the last of what was lost since they were learned (vCLIMB)."""
        matrix = self.matrix()
        return float((np.diag(matrix) - matrix[-1])[:-1].mean())

    def cells(self, groups: np.ndarray) -> list[dict[tuple[str, int], tuple[int, int]]]:
        """After each step, for each camera and class: clips that are right, and clips asked."""
        found = []
        for row in range(len(self.steps)):
            asked = np.concatenate([step.test for step in self.steps[: row + 1]])
            counts: dict[tuple[str, int], tuple[int, int]] = {}
            for clip in asked:
                key = (str(groups[clip]), int(self.labels[clip]))
                right, total = counts.get(key, (0, 0))
                hit = int(self.answers[row, clip] == self.labels[clip])
                counts[key] = (right + hit, total + 1)
            found.append(counts)
        return found
