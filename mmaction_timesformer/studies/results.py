"""Results of a study: a line of metrics for each row.

Legend: N clips, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from mmaction_timesformer.evaluation import Estimate, Predictions, classification_metrics
from mmaction_timesformer.studies.clips import StudyClips
from mmaction_timesformer.studies.running import Result


@dataclass(frozen=True)
class Line:
    """Figures of a row; of several seeds the mean.

    Attributes:
        name: The row's.
        table: The question it answers.
        macro_f1: Of all clips, each predicted without its camera; interval over cameras.
        over_clips: The same with the interval over clips.
        accuracy: Of all clips; interval over cameras.
        calibration_error: Expected calibration error.
        log_loss: In nats.
        cameras: Macro-F1 of each camera or site left out, over the classes it has.
        worst: The camera with the lowest, of those with enough clips; None if none has.
        seconds: To fit all folds once, features aside.
        spread: Standard deviation of macro-F1 over the seeds; 0 for one.
        cost: Of a model from pixels: millions of parameters, billions of multiplications.
    """

    name: str
    table: str
    macro_f1: Estimate
    over_clips: Estimate
    accuracy: float
    calibration_error: float
    log_loss: float
    cameras: dict[str, float]
    worst: str | None
    seconds: float
    spread: float
    cost: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def line_of(results: Sequence[Result], clips: StudyClips, least_clips: int) -> Line:
    """Figures of one row.

    Args:
        results: Of each seed; the intervals are the first one's.
        clips: The study's.
        least_clips: Of a camera that can be the worst.
    """
    figures = [_figures(result.scores, clips) for result in results]
    means = {name: float(np.mean([whole[name].value for whole in figures])) for name in figures[0]}
    of_clips = classification_metrics(
        Predictions(results[0].scores, clips.labels, clips.classes)
    ).whole['macro_f1']
    cameras = {
        str(name): float(np.mean([_camera_f1(result.scores, clips, name) for result in results]))
        for name in np.unique(clips.left_out)
    }
    names, counts = np.unique(clips.left_out, return_counts=True)
    large = [str(name) for name, count in zip(names, counts, strict=True) if count >= least_clips]
    return Line(
        name=results[0].row.name,
        table=results[0].row.table,
        macro_f1=Estimate(
            means['macro_f1'], figures[0]['macro_f1'].low, figures[0]['macro_f1'].high
        ),
        over_clips=of_clips,
        accuracy=means['top1'],
        calibration_error=means['calibration_error'],
        log_loss=means['log_loss'],
        cameras=cameras,
        worst=min(large, key=cameras.__getitem__) if large else None,
        seconds=float(np.mean([result.seconds for result in results])),
        spread=float(np.std([whole['macro_f1'].value for whole in figures])),
        cost=results[0].cost,
    )


def _figures(scores: np.ndarray, clips: StudyClips) -> dict[str, Estimate]:
    facts = pd.DataFrame({'filename': clips.files, 'recording': clips.groups})
    return classification_metrics(Predictions(scores, clips.labels, clips.classes, facts)).whole


def _camera_f1(scores: np.ndarray, clips: StudyClips, name: str) -> float:
    chosen = clips.left_out == name
    truth, found = clips.labels[chosen], scores[chosen].argmax(axis=1)
    return float(f1_score(truth, found, average='macro', labels=np.unique(truth), zero_division=0))
