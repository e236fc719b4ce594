"""Training of an online head on features that were extracted once.

Minutes on a CPU: the backbone does not run. Windows of untrimmed recordings are drawn anew at every
step, of any length up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from mmaction_timesformer.datasets.untrimmed_features import LabeledRecording, WindowSampler
from mmaction_timesformer.evaluation.frame_metrics import FrameScores
from mmaction_timesformer.models.heads.online_action_head import (
    FrameTargets,
    OnlineActionHead,
    probabilities,
)

Progress = Callable[[int, float], None]
"""Called with the number of steps done and the mean loss since the last call."""


@dataclass(frozen=True)
class HeadTraining:
    """How a head is trained.

    Attributes:
        num_steps: Steps of the optimizer.
        batch_size: Windows in a step.
        min_frames: Shortest window.
        max_frames: Longest window.
        learning_rate: The highest; it rises for a tenth of the steps and falls to 0.
        weight_decay: Of AdamW.
        report_steps: Distance of progress reports.
        seed: Of the windows and of dropout.
    """

    num_steps: int = 1500
    batch_size: int = 32
    min_frames: int = 16
    max_frames: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    report_steps: int = 100
    seed: int = 0


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
    torch.manual_seed(settings.seed)
    sampler = WindowSampler(recordings, settings.min_frames, settings.max_frames, settings.seed)
    optimizer = AdamW(
        head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.num_steps, pct_start=0.1
    )
    head.train()
    total = 0.0
    for step in range(1, settings.num_steps + 1):
        batch = {
            name: torch.from_numpy(value)
            for name, value in sampler.draw(settings.batch_size).items()
        }
        features = batch.pop('features').float()
        loss = torch.stack(list(head.loss(features, FrameTargets(**batch)).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if progress is not None and step % settings.report_steps == 0:
            progress(step, total / settings.report_steps)
            total = 0.0
    head.eval()


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
