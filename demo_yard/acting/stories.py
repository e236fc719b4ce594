"""Stories: long clips whose label takes two moments a minute apart (Sec. 4.5 in small).

The machine digs or lifts its boom at the beginning, and again at the end; in between it rests, and
nothing shows what it did. The label names both, so whoever sees one of them alone is right for half
of the stories at most.
"""

from __future__ import annotations

import numpy as np

from demo_yard.acting.acts import ACTS, pass_by
from demo_yard.acting.casting import MOST_DRAWS, set_stage
from demo_yard.acting.stage import Stage
from demo_yard.scene.site import Site

MOVES = ('dig', 'lift')
STORY_LABELS = tuple(f'{first}-{last}' for first in MOVES for last in MOVES)
STORY_SECONDS = 80.0
FIRST_SECONDS, LAST_SECONDS = (0.5, 9.5), (70.5, 79.5)
"""When each of the two happens."""
MOVE_SECONDS = 8.0
SWING = (np.radians(35.0), np.radians(50.0))
LIFT = (np.radians(35.0), np.radians(45.0))
STROLL_SECONDS = (20.0, 60.0)


def stage_story(rng: np.random.Generator, site: Site, label: str) -> Stage:
    """A stage on which a story happens.

    Args:
        rng: Source of chance.
        site: Where it is.
        label: One of `STORY_LABELS`.

    Raises:
        ValueError: There is no such story.
        RuntimeError: No draw fits the site.
    """
    if label not in STORY_LABELS:
        raise ValueError(f'{label!r} is not a story; choose from {list(STORY_LABELS)}')
    draws = (set_stage(rng, site, ACTS['dig']) for _ in range(MOST_DRAWS))
    stage = next((stage for stage in draws if stage is not None), None)
    if stage is None:
        raise RuntimeError(f'no stage found for the story {label!r}')
    first, last = label.split('-')
    _move(stage, rng, first, FIRST_SECONDS)
    pass_by(stage, rng, *STROLL_SECONDS)
    _move(stage, rng, last, LAST_SECONDS)
    return stage


def _move(stage: Stage, rng: np.random.Generator, move: str, span: tuple[float, float]) -> None:
    """Dig or lift within `span`; the arm comes back to where it was."""
    begin = span[0] + rng.uniform(0, span[1] - span[0] - MOVE_SECONDS)
    if move == 'dig':
        stage.excavator.dig(begin, MOVE_SECONDS, rng.uniform(*SWING) * rng.choice([-1, 1]))
    else:
        stage.excavator.lift(begin, MOVE_SECONDS, rng.uniform(*LIFT))
