"""Learners that get one step after another, on frozen features.

Ours adds statistics. The others train a linear layer by gradients: on the new clips alone, with old
clips again, with the old layer's answers (LwF, arXiv 1606.09282), holding weights that mattered
(EWC, 1612.00796), or on all clips from the start, which no learner that goes on can do.

Legend: N clips, F features, K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmaction_timesformer.learning.herding import herd_groups
from mmaction_timesformer.models.heads.ridge import RidgeStatistics
from mmaction_timesformer.models.recognizers.distilled_recognizer import distillation_loss

STRENGTH = 0.1
"""The default of ``ClosedFormHead``."""
EPOCHS, BATCH, RATE, DECAY = 60, 32, 1e-3, 1e-2
REPLAYED = 5
"""Old clips of each class at each camera that are kept."""
SOFTNESS = 2.0
OLD_SHARE = 0.5


@dataclass(frozen=True)
class Lesson:
    """The clips of a step.

    Attributes:
        rows: (N, F) features.
        labels: (N,) classes.
        groups: (N,) cameras.
        known: (K,) booleans: the classes that have come so far.
    """

    rows: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    known: np.ndarray

    def with_more(self, other: Lesson) -> Lesson:
        """These clips and others."""
        return Lesson(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.groups, other.groups]),
            self.known | other.known,
        )


class Learner(ABC):
    """Learns lessons one after another."""

    @abstractmethod
    def learn(self, lesson: Lesson) -> None:
        """Learn the clips of a step."""

    @abstractmethod
    def logits(self, rows: np.ndarray) -> np.ndarray:
        """(N, K) for features (N, F)."""


class ClosedForm(Learner):
    """Statistics that are added up, and a regression that is solved after each step."""

    def __init__(self, num_classes: int, num_features: int) -> None:
        self.statistics = RidgeStatistics(num_classes, num_features)
        self.weight, self.bias = np.zeros((num_classes, num_features)), np.zeros(num_classes)

    def learn(self, lesson: Lesson) -> None:
        """Add the clips and solve."""
        self.statistics.add(lesson.rows, lesson.labels.tolist())
        self.weight, self.bias = self.statistics.solve(STRENGTH)

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Decision of the regression."""
        return rows @ self.weight.T + self.bias


class JointClosedForm(ClosedForm):
    """One fit of all clips so far, from the start: what the increments must equal."""

    def __init__(self, num_classes: int, num_features: int) -> None:
        super().__init__(num_classes, num_features)
        self._lessons: list[Lesson] = []

    def learn(self, lesson: Lesson) -> None:
        """Fit to all lessons at once."""
        self._lessons.append(lesson)
        statistics = RidgeStatistics(*self.weight.shape)
        rows = np.concatenate([one.rows for one in self._lessons])
        labels = np.concatenate([one.labels for one in self._lessons])
        statistics.add(rows, labels.tolist())
        self.weight, self.bias = statistics.solve(STRENGTH)


@dataclass
class Linear(Learner):
    """A linear layer on standardised features, trained on each lesson alone.

    Attributes:
        num_classes: K.
        num_features: F.
        seed: Of the order of clips.
    """

    num_classes: int
    num_features: int
    seed: int = 0
    mean: np.ndarray | None = field(default=None, init=False)
    known: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.weight = torch.zeros(self.num_classes, self.num_features, requires_grad=True)
        self.bias = torch.zeros(self.num_classes, requires_grad=True)
        self.known = np.zeros(self.num_classes, dtype=bool)
        self._generator = torch.Generator().manual_seed(self.seed)

    def learn(self, lesson: Lesson) -> None:
        """Train on the lesson, and on what is kept of those before."""
        if self.mean is None:
            self.mean, deviation = lesson.rows.mean(axis=0), lesson.rows.std(axis=0)
            self.scale = np.where(deviation < 1e-6, np.inf, deviation)
        shown = self.prepare(lesson)
        self.known = lesson.known
        self.train(self.tensor(shown.rows), torch.from_numpy(shown.labels))
        self.finish(lesson)

    def prepare(self, lesson: Lesson) -> Lesson:
        """The clips to train on."""
        return lesson

    def finish(self, lesson: Lesson) -> None:
        """Keep what the next lesson needs of this one."""

    def penalty(self, rows: Tensor) -> Tensor:
        """Penalty that is added to the loss of a batch."""
        return torch.zeros(())

    def train(self, rows: Tensor, labels: Tensor) -> None:
        """Train the layer."""
        optimizer = torch.optim.AdamW([self.weight, self.bias], lr=RATE, weight_decay=DECAY)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(rows), generator=self._generator).split(BATCH):
                scores = self.score(rows[chosen])
                loss = F.cross_entropy(scores, labels[chosen]) + self.penalty(rows[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def score(self, rows: Tensor) -> Tensor:
        """Logits; those of classes that have not come are out of the question."""
        scores = rows @ self.weight.T + self.bias
        return scores.masked_fill(~torch.from_numpy(self.known), -1e4)

    def tensor(self, rows: np.ndarray) -> Tensor:
        """Features as the layer takes them, standardised by the first lesson."""
        return torch.from_numpy(((rows - self.mean) / self.scale).clip(-10, 10)).float()

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Decision of the layer."""
        with torch.no_grad():
            return self.score(self.tensor(rows)).numpy()

    def start_again(self) -> None:
        """Forget the layer."""
        with torch.no_grad():
            self.weight.zero_()
            self.bias.zero_()


class Joint(Linear):
    """Trained from the start on all clips so far."""

    _seen: Lesson | None = None

    def prepare(self, lesson: Lesson) -> Lesson:
        """All clips so far."""
        self._seen = lesson if self._seen is None else self._seen.with_more(lesson)
        self.start_again()
        return self._seen


class Replay(Linear):
    """Trained on the lesson and on herded clips of those before."""

    _kept: Lesson | None = None

    def prepare(self, lesson: Lesson) -> Lesson:
        """The lesson, and the clips that are kept."""
        return lesson if self._kept is None else lesson.with_more(self._kept)

    def finish(self, lesson: Lesson) -> None:
        """Keep herded clips of each class at each camera."""
        keys = list(zip(lesson.labels.tolist(), lesson.groups.tolist(), strict=True))
        rows = herd_groups(self.tensor(lesson.rows).numpy(), keys, REPLAYED)
        kept = Lesson(lesson.rows[rows], lesson.labels[rows], lesson.groups[rows], lesson.known)
        self._kept = kept if self._kept is None else self._kept.with_more(kept)


class Lwf(Linear):
    """Trained on the lesson, and on the answers that the layer before gives to it."""

    _old: tuple[Tensor, Tensor, Tensor] | None = None

    def penalty(self, rows: Tensor) -> Tensor:
        """Distance from the old answers, over the classes of then."""
        if self._old is None:
            return torch.zeros(())
        weight, bias, known = self._old
        new = rows @ self.weight.T + self.bias
        return distillation_loss(new[:, known], (rows @ weight.T + bias)[:, known], SOFTNESS)

    def finish(self, lesson: Lesson) -> None:
        """Keep the layer."""
        known = torch.from_numpy(lesson.known.copy())
        self._old = (self.weight.detach().clone(), self.bias.detach().clone(), known)


class Night(Replay, Lwf):
    """A night of training: replay, the old answers, and the average of old and new weights."""

    def train(self, rows: Tensor, labels: Tensor) -> None:
        """Train, then average."""
        super().train(rows, labels)
        if self._old is not None:
            with torch.no_grad():
                for now, before in zip((self.weight, self.bias), self._old[:2], strict=True):
                    old = self._old[2]
                    now[old] = OLD_SHARE * before[old] + (1 - OLD_SHARE) * now[old]

    def finish(self, lesson: Lesson) -> None:
        """Keep clips, and the layer."""
        Replay.finish(self, lesson)
        Lwf.finish(self, lesson)


@dataclass
class Ewc(Linear):
    """Trained on the lesson, with weights held that mattered before.

    Attributes:
        hold: How strongly.
    """

    hold: float = 100.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._fisher = [torch.zeros_like(self.weight), torch.zeros_like(self.bias)]
        self._old = [self.weight.detach().clone(), self.bias.detach().clone()]

    def penalty(self, rows: Tensor) -> Tensor:
        """Squared distance from the weights before, where they mattered."""
        parts = zip((self.weight, self.bias), self._old, self._fisher, strict=True)
        held = [(fisher * (now - old).square()).sum() for now, old, fisher in parts]
        return self.hold / 2 * torch.stack(held).sum()

    def finish(self, lesson: Lesson) -> None:
        """Add the mean squared gradients of the lesson's log-probabilities."""
        rows = self.tensor(lesson.rows)
        with torch.no_grad():
            shares = self.score(rows).softmax(dim=1)
            truth = F.one_hot(torch.from_numpy(lesson.labels), self.num_classes)
            steps = (shares - truth).square()
            self._fisher[0] = self._fisher[0] + steps.T @ rows.square() / len(rows)
            self._fisher[1] = self._fisher[1] + steps.mean(dim=0)
        self._old = [self.weight.detach().clone(), self.bias.detach().clone()]


EWC_HOLDS = (1.0, 10.0, 100.0, 1000.0)
"""EWC is shown with the one of these that does best in the end, in its favour."""

LEARNERS: dict[str, type[Learner]] = {
    'closed form, added up': ClosedForm,
    'closed form, all clips at once (joint)': JointClosedForm,
    'linear layer, all clips at once (joint)': Joint,
    'linear layer, new clips alone (naive)': Linear,
    'linear layer, replay': Replay,
    'linear layer, LwF': Lwf,
    'linear layer, EWC': Ewc,
    'linear layer, replay + old answers + average': Night,
}
