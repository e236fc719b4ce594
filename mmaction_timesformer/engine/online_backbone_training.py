"""Training of a causal backbone on untrimmed recordings, every frame with its own label.

A linear layer on the frame features says what happens now and at the horizons; it is thrown away
afterwards. A stretch of T frames gives T labels, and the first of them teach what a stream that has
just begun looks like.

Legend: B stretches, T frames, H/W pixels, F horizons, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from mmaction_timesformer.engine.online_training import Progress
from mmaction_timesformer.models.heads.online_action_head import masked_loss
from mmaction_timesformer.models.recognizers import OnlineRecognizer


@dataclass(frozen=True)
class LabeledPictures:
    """A recording's pictures at the model's frame distance, and their labels.

    Attributes:
        pictures: (T, H, W, 3) uint8, RGB, in the model's size.
        labels: (T, 1 + F, K), the present first.
        known: Whether those count, (T, 1 + F).
    """

    pictures: np.ndarray
    labels: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class BackboneTraining:
    """How a backbone is trained.

    Attributes:
        num_steps: Steps of the optimizer.
        batch_size: Stretches in a step.
        num_frames: T.
        learning_rate: The highest; it rises for a tenth of the steps and falls to 0.
        weight_decay: Of AdamW.
        future_weight: Weight of each horizon beside the present.
        shift_pixels: Stretches are shifted by up to so many pixels.
        event_draws: How often a stretch without an event is drawn again.
        report_steps: Distance of progress reports.
        seed: Of everything.
    """

    num_steps: int = 600
    batch_size: int = 12
    num_frames: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    future_weight: float = 0.3
    shift_pixels: int = 4
    event_draws: int = 3
    report_steps: int = 25
    seed: int = 0


def train_backbone(
    model: OnlineRecognizer,
    recordings: Sequence[LabeledPictures],
    background: int,
    settings: BackboneTraining,
    progress: Progress | None = None,
) -> None:
    """Train a model's backbone in place; its head is left alone.

    Args:
        model: The model; it is in evaluation mode afterwards.
        recordings: With labels at the head's horizons.
        background: Index of the class that is not an event.
        settings: How.
        progress: Where to report.

    Raises:
        ValueError: No recording is as long as a stretch.
    """
    usable = [one for one in recordings if len(one.pictures) >= settings.num_frames]
    if not usable:
        raise ValueError(f'none of {len(recordings)} recordings has {settings.num_frames} frames')
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    sizes = usable[0].labels.shape[1:]
    classify = nn.Linear(model.backbone.embed_dims, sizes[0] * sizes[1])
    parameters = [*model.backbone.parameters(), *classify.parameters()]
    optimizer = AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.num_steps, pct_start=0.1
    )
    inputs = [_prepare(model, one.pictures) for one in usable]
    weights = torch.tensor([1.0] + [settings.future_weight] * (sizes[0] - 1))
    model.train()
    total = 0.0
    for step in range(1, settings.num_steps + 1):
        clips, labels, known = _draw(inputs, usable, background, settings, rng)
        logits = classify(model.stream[0](clips)).unflatten(-1, sizes)
        loss = masked_loss(logits, labels, known * weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if progress is not None and step % settings.report_steps == 0:
            progress(step, total / settings.report_steps)
            total = 0.0
    model.eval()


@torch.inference_mode()
def _prepare(model: OnlineRecognizer, pictures: np.ndarray) -> Tensor:
    """Input of the backbone from a recording, (3, T, H, W), in half precision."""
    levels = torch.from_numpy(pictures).permute(3, 0, 1, 2).float()
    if model.motion is None:
        return ((levels - model.mean) / model.std).half()
    return model.motion.step(levels, model.motion.begin())[0].half()


def _draw(
    inputs: Sequence[Tensor],
    recordings: Sequence[LabeledPictures],
    background: int,
    settings: BackboneTraining,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Stretches (B, 3, T, H, W), labels (B, T, 1 + F, K), and whether they count."""
    clips, labels, known = [], [], []
    for number in rng.integers(0, len(recordings), settings.batch_size):
        one = recordings[number]
        for _ in range(settings.event_draws):
            start = int(rng.integers(0, len(one.pictures) - settings.num_frames + 1))
            span = slice(start, start + settings.num_frames)
            if not one.labels[span, 0, background].all():
                break
        limit = settings.shift_pixels
        down, right = rng.integers(-limit, limit + 1, 2).tolist()
        clip = torch.roll(inputs[number][:, span].float(), (down, right), (2, 3))
        clips.append(clip * float(rng.uniform(0.85, 1.15)))
        labels.append(one.labels[span])
        known.append(one.known[span])
    return (
        torch.stack(clips),
        torch.from_numpy(np.stack(labels)),
        torch.from_numpy(np.stack(known)),
    )
