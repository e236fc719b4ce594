"""The loop that trainings of online models share: AdamW, one cycle of the learning rate.

Each draws stretches of recordings that are long enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

Recording = TypeVar('Recording')
Progress = Callable[[int, float], None]
"""Called with the number of steps done and the mean loss since the last call."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        num_steps: Steps of the optimizer.
        batch_size: Stretches in a step.
        learning_rate: The highest; it rises for a tenth of the steps and falls to 0.
        weight_decay: Of AdamW.
        report_steps: Distance of progress reports.
        seed: Of everything.
    """

    num_steps: int
    batch_size: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    report_steps: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_steps < 1 or self.report_steps < 1 or self.learning_rate <= 0:
            raise ValueError(
                f'num_steps={self.num_steps}, report_steps={self.report_steps} and '
                f'learning_rate={self.learning_rate} must be above 0'
            )


def long_enough(
    recordings: Sequence[Recording], num_frames: int, length: Callable[[Recording], int]
) -> list[Recording]:
    """The recordings that hold a stretch.

    Args:
        recordings: Of any kind.
        num_frames: Frames of a stretch.
        length: Number of frames of a recording.

    Raises:
        ValueError: None does.
    """
    usable = [one for one in recordings if length(one) >= num_frames]
    if not usable:
        raise ValueError(f'none of {len(recordings)} recordings has {num_frames} frames')
    return usable


def one_cycle(optimizer: Optimizer, learning_rate: float, num_steps: int) -> OneCycleLR:
    """A learning rate that rises for a tenth of the steps and falls to 0."""
    # The first of ten steps is the whole rise, and OneCycleLR divides by its length, 0.
    rise = 0.15 if num_steps == 10 else 0.1
    return OneCycleLR(optimizer, learning_rate, num_steps, pct_start=rise)


def train_modules(
    modules: Iterable[nn.Module],
    schedule: Schedule,
    draw_loss: Callable[[], Tensor],
    progress: Progress | None = None,
) -> None:
    """Train modules in place; they are in evaluation mode afterwards.

    Args:
        modules: What is trained.
        schedule: How long and how fast.
        draw_loss: Draws a batch and gives its loss.
        progress: Where to report.
    """
    trained = nn.ModuleList(modules)
    parameters = list(trained.parameters())
    optimizer = AdamW(
        parameters, schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
    )
    rate = one_cycle(optimizer, schedule.learning_rate, schedule.num_steps)
    trained.train()
    total = 0.0
    for step in range(1, schedule.num_steps + 1):
        loss = draw_loss()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rate.step()
        total += loss.item()
        if progress is not None and step % schedule.report_steps == 0:
            progress(step, total / schedule.report_steps)
            total = 0.0
    trained.eval()
