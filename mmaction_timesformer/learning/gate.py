"""The gate: a new model takes over only if no class and no camera loses too much.

Both models have answered the same exam. A class (or camera) fails if the new model has more than
``margin`` fewer of its clips right, and if so many losses against so few gains would be unlikely
(``alpha``) with two models that are equally good there: one clip or two are no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmaction_timesformer.evaluation.comparison import flips
from mmaction_timesformer.evaluation.predictions import Predictions


@dataclass(frozen=True)
class GateRule:
    """Limits of what a new model may lose.

    Attributes:
        margin: Share of the clips of a class or a camera.
        alpha: A loss that equally good models would show more often than this does not count.
    """

    margin: float = 0.02
    alpha: float = 0.2

    def __post_init__(self) -> None:
        for name in ('margin', 'alpha'):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f'{name}={getattr(self, name)} must be in [0, 1)')


@dataclass(frozen=True)
class Cell:
    """All clips, or those of a class or a camera.

    Attributes:
        kind: ``all``, ``class`` or ``camera``.
        name: Which.
        num_clips: How many.
        before: Share that the old model has right.
        after: Share that the new one has right.
        num_lost: Clips that only the old one has right.
        num_won: Clips that only the new one has right.
        p: Probability of so many losses with equally good models.
        state: ``worse``, ``unsure`` (a loss that may be chance) or ``ok``.
    """

    kind: str
    name: str
    num_clips: int
    before: float
    after: float
    num_lost: int
    num_won: int
    p: float
    state: str

    def __str__(self) -> str:
        where = 'all clips' if self.kind == 'all' else f'{self.kind} {self.name}'
        return (
            f'{where}: {self.num_lost} of {self.num_clips} clips are lost and {self.num_won} won, '
            f'{self.before:.3f} before, {self.after:.3f} after (p {self.p:.2f})'
        )


@dataclass(frozen=True)
class Verdict:
    """Whether a model may take over.

    Attributes:
        passed: Whether it may.
        reasons: Why not, in words; or what is worth a look.
        cells: All that was compared.
    """

    passed: bool
    reasons: tuple[str, ...]
    cells: tuple[Cell, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dict(
            passed=self.passed,
            reasons=list(self.reasons),
            cells=[asdict(cell) for cell in self.cells],
        )


NO_EXAM = Verdict(False, ('there is no exam, so that nobody can say what would be forgotten',))


def judge(before: Predictions, after: Predictions, rule: GateRule | None = None) -> Verdict:
    """Compare a new model's answers with those of the old one.

    Args:
        before: The old model's; classes that it does not know count as never right.
        after: The new model's.
        rule: What may be lost.

    Raises:
        ValueError: They are not of the same clips.
    """
    rule = rule or GateRule()
    before, after = with_classes(before, after.classes), with_classes(after, before.classes)
    cells = tuple(_cells(before, after, rule))
    worse = [cell for cell in cells if cell.state == 'worse']
    unsure = [cell for cell in cells if cell.state == 'unsure']
    allowed = f'more than the {100 * rule.margin:g} points that are allowed'
    reasons = [f'{cell}: {allowed}' for cell in worse]
    reasons += [f'{cell}: may be chance, worth a look' for cell in unsure]
    return Verdict(not worse, tuple(reasons), cells)


def _cells(before: Predictions, after: Predictions, rule: GateRule) -> Iterator[Cell]:
    yield _cell('all', '', before, after, rule)
    for number, name in enumerate(before.classes):
        rows = np.flatnonzero(before.labels == number)
        if len(rows):
            yield _cell('class', name, before.subset(rows), after.subset(rows), rule)
    if before.recordings_known:
        cameras = before.clips['recording']
        for name in sorted(cameras.dropna().unique()):
            rows = np.flatnonzero(cameras == name)
            yield _cell('camera', str(name), before.subset(rows), after.subset(rows), rule)


def _cell(kind: str, name: str, before: Predictions, after: Predictions, rule: GateRule) -> Cell:
    found = flips(before, after)
    lost, won = int(found.lost.sum()), int(found.won.sum())
    # A loss of exactly the margin is allowed, whatever rounding makes of it.
    loss = (lost - won) / len(before) - 1e-9
    state = 'ok'
    if loss > rule.margin:
        state = 'worse' if found.worse_p < rule.alpha else 'unsure'
    shares = float(before.hits.mean()), float(after.hits.mean())
    return Cell(kind, name, len(before), shares[0], shares[1], lost, won, found.worse_p, state)


def with_classes(answers: Predictions, names: tuple[str, ...]) -> Predictions:
    """The same answers with classes of another model at the end, which are never given."""
    names = tuple(sorted({*answers.classes, *names}))
    scores = np.zeros((len(answers), len(names)))
    places = [names.index(name) for name in answers.classes]
    scores[:, places] = answers.scores
    labels = np.array(places)[answers.labels]
    return Predictions(scores, labels, names, answers.clips)
