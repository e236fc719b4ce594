"""Whether a model's relevance maps are true: deletion and insertion on clips of every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmaction_timesformer.evaluation import Predictions
from mmaction_timesformer.explanation.explained_video import ExplainedVideo, check_faithfulness
from mmaction_timesformer.explanation.explanation import explain
from mmaction_timesformer.explanation.faithfulness import FaithfulnessCurves
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.reports.results.clip_names import read_clip

CURVES = ('deletion', 'insertion', 'random_deletion', 'random_insertion')
LIKE_NOTHING = 0.5
"""From this probability of a clip with everything hidden on, hiding cannot show what decided."""


@dataclass(frozen=True)
class CheckedClip:
    """A clip on which a map was checked, and the class that the map explains."""

    target: int
    curves: FaithfulnessCurves


def is_explainable(trained: TrainedModel) -> bool:
    """Whether the model is one of which attention is recorded."""
    return any(isinstance(module, TimeSformerBackbone) for module in trained.model.modules())


def check_maps(
    predictions: Predictions, trained: TrainedModel, num_clips: int
) -> list[CheckedClip]:
    """Delete and insert patches by relevance, and at random.

    The clips are the surest hits of each class in turn: where the model is wrong or torn, no map
    could tell what decided.

    Args:
        predictions: Of the model.
        trained: The model.
        num_clips: Clips to check, at most; those that cannot be read are left out.
    """
    checked: list[CheckedClip] = []
    for row in surest_hits(predictions)[:num_clips]:
        try:
            clip = read_clip(trained, predictions, row)
        except (FileNotFoundError, ValueError):
            continue
        target = int(predictions.top_class[row])
        explained = ExplainedVideo(clip, explain(trained.model, clip, target))
        checked.append(CheckedClip(target, check_faithfulness(trained.model, explained)))
    return checked


def surest_hits(predictions: Predictions) -> list[int]:
    """Rows of all hits: the surest of each class, then the second of each, and so on."""
    turns = []
    for label in range(predictions.num_classes):
        rows = np.flatnonzero(predictions.hits & (predictions.top_class == label))
        rows = rows[np.argsort(-predictions.confidence[rows], kind='stable')]
        turns += [(turn, label, int(row)) for turn, row in enumerate(rows)]
    return [row for _, _, row in sorted(turns)]


def faithfulness_facts(
    checked: list[CheckedClip], classes: tuple[str, ...]
) -> dict[str, Any] | None:
    """Areas by class, and mean curves of the classes for which hiding can show anything.

    Returns:
        None where nothing was checked. ``by_class`` has the mean areas, and ``empty``, the mean
        probability of the class when everything is hidden; ``curves`` the mean curves over the
        clips of classes whose ``empty`` is below one half, None if there are none.
    """
    if not checked:
        return None
    by_class = {}
    telling: list[FaithfulnessCurves] = []
    for label in sorted({clip.target for clip in checked}):
        curves = [clip.curves for clip in checked if clip.target == label]
        empty = float(np.mean([of_clip.deletion[-1] for of_clip in curves]))
        areas = [of_clip.areas() for of_clip in curves]
        by_class[classes[label]] = {
            'num_clips': len(curves),
            'empty': empty,
            **{name: float(np.mean([area[name] for area in areas])) for name in CURVES},
        }
        telling += curves if empty < LIKE_NOTHING else []
    return {
        'num_clips': len(checked),
        'by_class': by_class,
        'curves': _mean_curves(telling) if telling else None,
    }


def _mean_curves(curves: list[FaithfulnessCurves]) -> dict[str, Any]:
    means = {
        name: np.mean([np.atleast_2d(getattr(c, name)).mean(axis=0) for c in curves], axis=0)
        for name in CURVES
    }
    return {
        'num_clips': len(curves),
        'fractions': curves[0].fractions.tolist(),
        **{name: values.tolist() for name, values in means.items()},
    }
