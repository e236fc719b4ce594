"""The layouts of weights that load, each recognised from the names of its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from . import facebookresearch, huggingface, mmaction2, vit
from .names import StateDict
from .preprocessing import HALF, TIMESFORMER, Preprocessing


@dataclass(frozen=True)
class WeightFormat:
    """A layout of weights.

    Args:
        name: What users call it.
        matches: Whether parameters of these names have it.
        to_ours: Names and values to own names and values; what it does not know keeps its name.
        from_ours: The way back, where that library has a TimeSformer.
        preprocessing: What all public weights of this layout expect.
    """

    name: str
    matches: Callable[[frozenset[str]], bool]
    to_ours: Callable[[StateDict], dict[str, Tensor]]
    from_ours: Callable[[StateDict], dict[str, Tensor]] | None = None
    preprocessing: Preprocessing | None = None


def _is_own(names: frozenset[str]) -> bool:
    return any(re.search(r'(^|\.)blocks\.0\.steps\.', name) for name in names)


def _own_to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Name a bare backbone's parameters as those of a whole model."""
    whole = any('backbone.' in name for name in state_dict)
    return {name if whole else f'backbone.{name}': value for name, value in state_dict.items()}


OWN = WeightFormat('mmaction_timesformer', _is_own, _own_to_ours, dict)

# In the order they are tried: facebookresearch's names are timm's and more.
FORMATS = (
    OWN,
    WeightFormat('mmaction2', mmaction2.matches, mmaction2.to_ours, mmaction2.from_ours, HALF),
    WeightFormat(
        'facebookresearch',
        facebookresearch.matches,
        facebookresearch.to_ours,
        facebookresearch.from_ours,
        TIMESFORMER,
    ),
    WeightFormat(
        'huggingface', huggingface.matches, huggingface.to_ours, huggingface.from_ours, TIMESFORMER
    ),
    WeightFormat('huggingface ViT', vit.is_huggingface, vit.from_huggingface),
    WeightFormat('openmmlab ViT', vit.is_openmmlab, vit.from_openmmlab),
    WeightFormat('timm ViT', vit.is_timm, vit.from_timm),
)


def recognise(names: Iterable[str]) -> WeightFormat | None:
    """The layout that parameters of these names have, if it is a known one."""
    names = frozenset(names)
    return next((known for known in FORMATS if known.matches(names)), None)
