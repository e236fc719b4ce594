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

from mmaction_timesformer.engine.online.steps import Progress, Schedule, long_enough, train_modules
from mmaction_timesformer.models.heads.online_action_head import masked_loss
from mmaction_timesformer.models.recognizers import OnlineRecognizer

_SCHEDULE = Schedule(700, 12, learning_rate=2e-3, report_steps=25)


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
        schedule: How long and how fast.
        num_frames: T.
        future_weight: Weight of each horizon ahead, beside the present and what was.
        shift_pixels: Stretches are shifted by up to so many pixels.
    """

    schedule: Schedule = _SCHEDULE
    num_frames: int = 32
    future_weight: float = 0.1
    shift_pixels: int = 4


def train_backbone(
    model: OnlineRecognizer,
    recordings: Sequence[LabeledPictures],
    settings: BackboneTraining,
    progress: Progress | None = None,
) -> None:
    """Train a model's backbone in place; its head is left alone.

    Args:
        model: The model; it is in evaluation mode afterwards.
        recordings: With labels at the head's horizons.
        settings: How.
        progress: Where to report.

    Raises:
        ValueError: No recording is as long as a stretch.
    """
    usable = long_enough(recordings, settings.num_frames, lambda one: len(one.pictures))
    torch.manual_seed(settings.schedule.seed)
    rng = np.random.default_rng(settings.schedule.seed)
    sizes = usable[0].labels.shape[1:]
    classify = nn.Linear(model.backbone.embed_dims, sizes[0] * sizes[1])
    inputs = [backbone_input(model, one.pictures) for one in usable]
    moments = (0.0, *model.horizons)
    weights = torch.tensor([settings.future_weight if ahead > 0 else 1.0 for ahead in moments])
    places = _frames_by_class(usable)

    def draw_loss() -> Tensor:
        clips, labels, known = _draw(inputs, usable, places, settings, rng)
        logits = classify(model.stream[0](clips)).unflatten(-1, sizes)
        return masked_loss(logits, labels, known * weights)

    train_modules([model.backbone, classify], settings.schedule, draw_loss, progress)
    model.eval()


@torch.inference_mode()
def backbone_input(model: OnlineRecognizer, pictures: np.ndarray) -> Tensor:
    """Input of the backbone from a recording, (3, T, H, W), in half precision."""
    levels = torch.from_numpy(pictures).permute(3, 0, 1, 2).float()
    if model.motion is None:
        return ((levels - model.mean) / model.std).half()
    return model.motion.step(levels, model.motion.begin())[0].half()


def _frames_by_class(recordings: Sequence[LabeledPictures]) -> list[np.ndarray]:
    """Numbers of the recording and the frame, (n, 2), of the frames of each class that occurs."""
    numbered = [
        np.stack([np.full(len(frames), number), frames, classes], axis=1)
        for number, one in enumerate(recordings)
        for frames, classes in [np.nonzero(one.labels[:, 0])]
    ]
    frames = np.concatenate(numbered)
    return [frames[frames[:, 2] == name, :2] for name in np.unique(frames[:, 2])]


def _draw(
    inputs: Sequence[Tensor],
    recordings: Sequence[LabeledPictures],
    places: Sequence[np.ndarray],
    settings: BackboneTraining,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Stretches (B, 3, T, H, W), labels (B, T, 1 + F, K), and whether they count.

    Each lies around a frame of a class; classes take turns by chance, all equally often.
    """
    clips, labels, known = [], [], []
    for chosen in rng.integers(0, len(places), settings.schedule.batch_size):
        number, frame = rng.choice(places[chosen])
        one = recordings[number]
        start = int(frame) - int(rng.integers(0, settings.num_frames))
        start = min(max(start, 0), len(one.pictures) - settings.num_frames)
        span = slice(start, start + settings.num_frames)
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
