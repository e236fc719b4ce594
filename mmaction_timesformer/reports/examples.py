"""The clips to look at: mistakes that the model was sure of, and hits that it was not.

Legend: F frames that the model saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from data_analysis.video import VideoError

from ..evaluation import Predictions
from ..models import TimeSformerBackbone
from ..visualization.explained_video import ExplainedVideo, check_faithfulness
from ..visualization.explanation import explain
from ..visualization.faithfulness import FaithfulnessCurves
from ..visualization.pictures import strip
from ..visualization.pixel_mapping import TracedClip
from ..visualization.trained_model import TrainedModel

CURVES = ('deletion', 'insertion', 'random_deletion', 'random_insertion')


@dataclass
class Examples:
    """Chosen clips.

    Attributes:
        facts: What is known of each, for ``results.json``.
        pictures: Strips, by the facts' ``picture``.
        curves: Deletion and insertion on some of them.
    """

    facts: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, Image.Image] = field(default_factory=dict)
    curves: list[FaithfulnessCurves] = field(default_factory=list)

    def faithfulness(self) -> dict[str, Any] | None:
        """Mean curves and areas; None without any."""
        if not self.curves:
            return None
        means = {
            'fractions': self.curves[0].fractions,
            **{
                name: np.mean(
                    [np.atleast_2d(getattr(c, name)).mean(axis=0) for c in self.curves], 0
                )
                for name in CURVES
            },
        }
        areas = [curves.areas() for curves in self.curves]
        return {
            'num_clips': len(self.curves),
            **{name: values.tolist() for name, values in means.items()},
            'areas': {name: float(np.mean([area[name] for area in areas])) for name in CURVES},
        }


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
    num_checked: int = 4,
) -> Examples:
    """Choose clips and draw them, with attention where the model is a TimeSformer.

    Args:
        predictions: Of the run.
        trained: The run's model; without it there are no pictures.
        reason: Why it is missing.
        num_mistakes: Mistakes at most.
        num_close: Close calls at most.
        num_checked: On how many of them deletion and insertion are measured.
    """
    examples = Examples()
    if 'filename' not in predictions.clips:
        reason = 'the dump does not name its clips (PackActionInputs, meta_keys)'
    for kind, row in choose(predictions, num_mistakes, num_close):
        fact = _fact(predictions, kind, row)
        examples.facts.append(fact)
        if trained is None or 'filename' not in predictions.clips:
            fact['reason'] = reason
            continue
        part = predictions.clips.iloc[row].reindex(['start_seconds', 'end_seconds'])
        seconds = {key: None if pd.isna(value) else float(value) for key, value in part.items()}
        try:
            clip = trained.read(predictions.clips['filename'].iloc[row], **seconds)
        except (FileNotFoundError, ValueError, VideoError) as error:
            fact['reason'] = str(error)
            continue
        target = int(predictions.top_class[row])
        _illustrate(examples, fact, trained, clip, target, len(examples.curves) < num_checked)
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
    examples: Examples,
    fact: dict[str, Any],
    trained: TrainedModel,
    clip: TracedClip,
    target: int,
    is_checked: bool,
) -> None:
    """Draw one clip, note what its frames count, and measure deletion and insertion on it."""
    fact['frames'] = clip.frame_numbers.tolist()
    if not any(isinstance(module, TimeSformerBackbone) for module in trained.model.modules()):
        captions = [f'frame {number}' for number in clip.frame_numbers]
        examples.pictures[fact['picture']] = strip(list(clip.pictures), None, captions, None)
        return
    explained = ExplainedVideo(clip, explain(trained.model, clip, target))
    importance = explained.frame_importance.tolist()
    examples.pictures[fact['picture']] = strip(
        list(clip.pictures), explained.overlays(), explained.captions(), importance
    )
    fact['frame_importance'] = importance
    if is_checked:
        examples.curves.append(check_faithfulness(trained.model, explained))
