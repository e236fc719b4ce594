"""A study as a YAML file: one question, and the recipes (rows) that answer it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

RECIPES = (
    'majority',
    'neighbour',
    'ridge',
    'logistic',
    'adamw',
    'timesformer',
    'patches',
    'pixels',
)


PICTURES = ('camera', 'erased', 'pasted', 'difference')


@dataclass(frozen=True)
class Row:
    """One recipe of a study.

    Attributes:
        name: As the page shows it.
        recipe: ``majority``; ``neighbour`` (nearest one); ``ridge``, ``logistic`` or ``adamw`` (a
            linear layer by gradient descent); ``timesformer`` (a small one on the feature map);
            ``patches`` (ridge regression on kept pictures' patches, with a dictionary learned from
            the training clips); ``pixels`` (small models from kept pictures, see module
            ``pixels``).
        features: ``thumbnails``, ``pixels`` (kept pictures), or the image network,
            ``efficientnet_lite0`` to ``2``.
        stage: The stage of the network.
        over_space: Summaries of a frame's cells, as ``ClosedFormHead`` has them.
        over_time: Summaries of a clip's frames, as ``ClosedFormHead`` has them.
        views: Views of each training clip: as it is, then as other cameras would take it.
        pictures: ``camera``; ``erased`` or ``pasted``, for ``BackgroundErase`` or
            ``ForegroundPaste`` in all views but the first; ``difference`` from the camera's median
            background, also the new camera's: this looks at unlabelled clips of the new camera.
        centred: Whether each camera's own mean is taken off, also the new camera's: this looks at
            unlabelled clips of the new camera.
        options: Of the recipe: see modules ``closed_form``, ``networks`` and ``pixels``.
        table: The question that the row answers, where a study has several.
    """

    name: str
    recipe: str
    features: str = 'efficientnet_lite0'
    stage: int = 7
    over_space: tuple[str, ...] = ('mean', 'max', 'deviation')
    over_time: tuple[str, ...] = ('mean', 'deviation', 'steps')
    views: int = 1
    pictures: str = 'camera'
    centred: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ''

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f'{self.name}: recipe {self.recipe!r}; choose from {list(RECIPES)}')
        if self.views < 1:
            raise ValueError(f'{self.name}: views={self.views} must be at least 1')
        if (self.recipe in ('patches', 'pixels')) != (self.features == 'pixels'):
            raise ValueError(f'{self.name}: recipes patches and pixels, and no others, take pixels')

        if self.pictures not in PICTURES:
            raise ValueError(f'{self.name}: pictures {self.pictures!r}; choose from {PICTURES}')
        alone = self.pictures == 'difference'
        if self.pictures != 'camera' and not (self.needs_network and alone == (self.views == 1)):
            raise ValueError(
                f'{self.name}: pictures {self.pictures!r} are those of an image network, with '
                + ('views=1' if alone else 'views=2 or more')
            )

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """Of each view, the kept features that it takes and their view."""
        if self.recipe == 'majority':
            return ()
        changed = self.features if self.pictures == 'camera' else f'{self.features} {self.pictures}'
        first = changed if self.pictures == 'difference' else self.features
        return ((first, 0), *((changed, view) for view in range(1, self.views)))

    @property
    def needs_maps(self) -> bool:
        """Whether it reads whole feature maps."""
        return self.recipe == 'timesformer'

    @property
    def needs_network(self) -> bool:
        """Whether it reads features of an image network."""
        return self.recipe != 'majority' and self.features not in ('thumbnails', 'pixels')

    @property
    def stages(self) -> set[int]:
        """Stages of the network that it reads."""
        candidates = self.options.get('candidates', ())
        return {self.stage, *(candidate.get('stage', self.stage) for candidate in candidates)}

    @property
    def key(self) -> str:
        """Changes with anything that changes the result."""
        content = asdict(self)
        for name in ('name', 'table'):
            content.pop(name)
        if self.pictures == 'camera':
            content.pop('pictures')
        text = json.dumps(content, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Study:
    """A question and its rows.

    Attributes:
        question: The page's title.
        rows: Recipes, the most important first: those that do not fit into the time are left out
            from the end.
        seeds: Each row that draws at random runs with each.
        clip_len: Frames of a clip.
        frame_interval: Their distance; it shrinks for short clips.
        size: Pixels of a picture's side.
        kept_frames: Frames of a clip that rows of ``pixels`` choose from.
        kept_size: Width and height of their pictures.
        least_clips: Cameras with fewer clips are not named as the worst.
    """

    question: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...] = (0,)
    clip_len: int = 8
    frame_interval: int = 32
    size: int = 224
    kept_frames: int = 16
    kept_size: tuple[int, int] = (96, 64)
    least_clips: int = 50

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        if not names or len(set(names)) < len(names):
            raise ValueError('a study needs rows, each with a name of its own')


def read_study(file: Path) -> Study:
    """Read a study.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a study; the message names the row or the key.
    """
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such study')
    content = yaml.safe_load(file.read_text(encoding='utf-8'))
    if not isinstance(content, dict):
        raise ValueError(f'{file}: is not a mapping with a question and rows')
    try:
        rows = tuple(Row(**_tuples(row)) for row in content.pop('rows', ()))
        return Study(rows=rows, **_tuples(content))
    except TypeError as error:
        raise ValueError(f'{file}: {error}') from None


def _tuples(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in mapping.items()}
