"""Training of an online head on features that were extracted once.

Minutes on a CPU: the backbone does not run. Windows of untrimmed recordings are drawn anew at every
step, of any length up to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.datasets.untrimmed_features import LabeledRecording, WindowSampler
from mmaction_timesformer.engine.online.steps import Progress, Schedule, train_modules
from mmaction_timesformer.evaluation.frame_metrics import FrameScores
from mmaction_timesformer.models.heads.online_action_head import (
    FrameTargets,
    OnlineActionHead,
    probabilities,
)

_SCHEDULE = Schedule(1500, 32, report_steps=100)


@dataclass(frozen=True)
class HeadTraining:
    """How a head is trained.

    Attributes:
        schedule: How long and how fast.
        min_frames: Shortest window.
        max_frames: Longest window.
    """

    schedule: Schedule = _SCHEDULE
    min_frames: int = 16
    max_frames: int = 128


def train_head(
    head: OnlineActionHead,
    recordings: list[LabeledRecording],
    settings: HeadTraining,
    progress: Progress | None = None,
) -> None:
    """Train a head in place.

    Args:
        head: The head; it is in evaluation mode afterwards.
        recordings: With labels at the head's horizons.
        settings: How.
        progress: Where to report.

    Raises:
        ValueError: The recordings are of other horizons or channels.
    """
    check_recordings(head, recordings)
    seed = settings.schedule.seed
    torch.manual_seed(seed)
    sampler = WindowSampler(recordings, settings.min_frames, settings.max_frames, seed)

    def draw_loss() -> Tensor:
        batch = {
            name: torch.from_numpy(value)
            for name, value in sampler.draw(settings.schedule.batch_size).items()
        }
        features = batch.pop('features').float()
        return torch.stack(list(head.loss(features, FrameTargets(**batch)).values())).sum()

    train_modules([head], settings.schedule, draw_loss, progress)


@torch.inference_mode()
def score_recordings(head: OnlineActionHead, recordings: list[LabeledRecording]) -> FrameScores:
    """Run a head over whole recordings, as a stream would, each from its beginning."""
    check_recordings(head, recordings)
    head.eval()
    scores = [
        probabilities(head(torch.from_numpy(one.features[None]).float())[0]).numpy()
        for one in recordings
    ]
    return FrameScores.join(
        [
            FrameScores(some, one.labels, one.known, one.progress, np.full(len(some), number))
            for number, (some, one) in enumerate(zip(scores, recordings, strict=True))
        ]
    )


def check_recordings(head: OnlineActionHead, recordings: list[LabeledRecording]) -> None:
    """Refuse recordings that a head cannot read.

    Raises:
        ValueError: They have other channels, horizons or classes.
    """
    wanted = (head.in_channels, 1 + len(head.horizons), head.num_classes)
    for one in recordings:
        found = (one.features.shape[1], *one.labels.shape[1:])
        if found != wanted:
            raise ValueError(
                f'{one.name} has {found} channels, moments and classes; the head reads {wanted}'
            )
