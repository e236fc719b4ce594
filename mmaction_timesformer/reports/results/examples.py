"""The clips to look at: mistakes that the model was sure of, and hits that it was not.

Legend: F frames that the model saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from mmaction_timesformer.evaluation import Predictions
from mmaction_timesformer.explanation.explained_video import ExplainedVideo
from mmaction_timesformer.explanation.explanation import explain
from mmaction_timesformer.explanation.pictures import strip
from mmaction_timesformer.inference.pixel_mapping import TracedClip
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.reports.results.clip_names import has_names, read_clip
from mmaction_timesformer.reports.results.map_check import is_explainable


@dataclass
class Examples:
    """Chosen clips.

    Attributes:
        facts: What is known of each, for ``results.json``.
        pictures: Strips, by the facts' ``picture``.
    """

    facts: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, Image.Image] = field(default_factory=dict)


def choose(predictions: Predictions, num_mistakes: int, num_close: int) -> list[tuple[str, int]]:
    """Kind and row of the surest mistakes, then of the hits with the smallest margin."""
    hits, confidence = predictions.hits, predictions.confidence
    runner_up = np.sort(predictions.scores, axis=1)[:, -2] if predictions.num_classes > 1 else 0
    margin = confidence - runner_up
    mistakes = sorted(np.flatnonzero(~hits).tolist(), key=lambda row: -confidence[row])
    close = sorted(np.flatnonzero(hits).tolist(), key=lambda row: margin[row])
    return [('mistake', row) for row in mistakes[:num_mistakes]] + [
        ('close call', row) for row in close[:num_close]
    ]


def show_examples(
    predictions: Predictions,
    trained: TrainedModel | None,
    reason: str = '',
    num_mistakes: int = 6,
    num_close: int = 4,
) -> Examples:
    """Choose clips and draw them, with attention where the model is a TimeSformer.

    Args:
        predictions: Of the run.
        trained: The run's model; without it there are no pictures.
        reason: Why it is missing.
        num_mistakes: Mistakes at most.
        num_close: Close calls at most.
    """
    examples = Examples()
    if not has_names(predictions):
        trained, reason = None, 'the dump does not name its clips (PackActionInputs, meta_keys)'
    for kind, row in choose(predictions, num_mistakes, num_close):
        fact = _fact(predictions, kind, row)
        examples.facts.append(fact)
        if trained is None:
            fact['reason'] = reason
            continue
        try:
            clip = read_clip(trained, predictions, row)
        except (FileNotFoundError, ValueError) as error:
            fact['reason'] = str(error)
            continue
        _illustrate(examples, fact, trained, clip, int(predictions.top_class[row]))
    return examples


def _fact(predictions: Predictions, kind: str, row: int) -> dict[str, Any]:
    classes, scores = predictions.classes, predictions.scores[row]
    truth = [classes[k] for k in np.flatnonzero(predictions.truth[row])]
    chosen = int(predictions.top_class[row])
    shown = ' and '.join(truth) or 'none of the classes'
    if kind == 'mistake':
        sentence = f'{shown}, taken for {classes[chosen]} at {scores[chosen]:.0%}.'
    else:
        second = int(np.argsort(-scores, kind='stable')[1])
        sentence = f'{shown} at {scores[chosen]:.0%}, {classes[second]} at {scores[second]:.0%}.'
    return {
        'kind': kind,
        'clip': predictions.short_names[row],
        'picture': f'clip {row}',
        'truth': truth,
        'chosen': classes[chosen],
        'scores': dict(zip(classes, scores.tolist(), strict=True)),
        'sentence': sentence,
    }


def _illustrate(
    examples: Examples, fact: dict[str, Any], trained: TrainedModel, clip: TracedClip, target: int
) -> None:
    """Draw one clip, and note what its frames count."""
    fact['frames'] = clip.frame_numbers.tolist()
    if not is_explainable(trained):
        captions = [f'frame {number}' for number in clip.frame_numbers]
        examples.pictures[fact['picture']] = strip(list(clip.pictures), None, captions, None)
        return
    explained = ExplainedVideo(clip, explain(trained.model, clip, target))
    importance = explained.frame_importance.tolist()
    examples.pictures[fact['picture']] = strip(
        list(clip.pictures), explained.overlays(), explained.captions(), importance
    )
    fact['frame_importance'] = importance
