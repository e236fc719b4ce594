"""Classes of every frame of a stream, now and some seconds ahead: the contract of such heads.

A head reads frame features in order and says, at each frame, which actions happen now and which
will happen at each horizon. Actions may overlap, so every class has a probability of its own, and
the background, in which nothing happens, is a class like the others.

Legend: B streams, T frames, S frames of a window that are trained on, D channels, F horizons,
K classes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor
from typing_extensions import Required

HeadState = dict[str, Tensor]
"""State of a head in a stream; it can be saved as it is."""


@dataclass(frozen=True)
class FrameTargets:
    """Targets of windows of frames, for training.

    Attributes:
        labels: 0 or 1, (B, T, K).
        known: Whether a frame's labels count, (B, T).
        future: The labels at each horizon from the last frame, (B, F, K).
        future_known: Whether those count, (B, F).
    """

    labels: Tensor
    known: Tensor
    future: Tensor
    future_known: Tensor


class OnlineHeadOptions(TypedDict, total=False):
    """Arguments that all such heads have, see `OnlineActionHead`."""

    num_classes: Required[int]
    in_channels: Required[int]
    frame_seconds: Required[float]
    horizons: Sequence[float]
    future_weight: float
    init_cfg: dict | list[dict] | None


class OnlineActionHead(BaseModule):
    """The contract, and the loss that all such heads share.

    Args:
        num_classes: K, the background among them.
        in_channels: D.
        frame_seconds: Distance of frames.
        horizons: Seconds ahead that are predicted too; what was so many seconds ago, if negative.
        future_weight: Weight of what is to come beside the present; what was has the present's.
        init_cfg: As in mmengine.

    Raises:
        ValueError: A number has no meaning.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        frame_seconds: float,
        horizons: Sequence[float] = (1.0, 2.0, 4.0, 8.0),
        future_weight: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_classes < 2:
            raise ValueError(f'num_classes={num_classes}: the background and one action are two')
        if frame_seconds <= 0:
            raise ValueError(f'frame_seconds={frame_seconds} must be above 0')
        if len({0.0, *horizons}) != 1 + len(horizons):
            raise ValueError(f'horizons={tuple(horizons)} must differ from 0 and from each other')
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.frame_seconds = frame_seconds
        self.horizons = tuple(horizons)
        self.future_weight = future_weight

    @abstractmethod
    def begin(self, batch_size: int = 1) -> HeadState:
        """The state before the first frame."""

    @abstractmethod
    def step(self, features: Tensor, state: HeadState) -> tuple[Tensor, HeadState]:
        """Take the next frames.

        Args:
            features: (B, n, D).
            state: What the step before returned; it is not changed.

        Returns:
            Logits (B, n, 1 + F, K), the present first, and the new state.
        """

    @abstractmethod
    def window_logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the last S frames of windows (B, T, D), (B, S, K), and ahead, (B, F, K)."""

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, T, 1 + F, K) of whole videos (B, T, D)."""
        return self.step(features, self.begin(len(features)))[0]

    def loss(self, features: Tensor, targets: FrameTargets) -> dict[str, Tensor]:
        """The loss of windows.

        Args:
            features: (B, T, D).
            targets: What happens in them.
        """
        now, future = self.window_logits(features)
        num_trained = now.shape[1]
        losses = {
            'loss_now': masked_loss(
                now, targets.labels[:, -num_trained:], targets.known[:, -num_trained:]
            )
        }
        places = torch.tensor(self.horizons) > 0
        for name, chosen, weight in (
            ('loss_past', ~places, 1.0),
            ('loss_future', places, self.future_weight),
        ):
            if chosen.any():
                losses[name] = weight * masked_loss(
                    future[:, chosen], targets.future[:, chosen], targets.future_known[:, chosen]
                )
        return losses

    def check_state(self, state: Mapping[str, Tensor], features: Tensor) -> None:
        """Refuse what is no state of this head.

        Raises:
            ValueError: The state or the features are another head's.
        """
        if features.dim() != 3 or features.shape[2] != self.in_channels:
            raise ValueError(
                f'features of shape {tuple(features.shape)} are not (streams, frames, '
                f'{self.in_channels} channels)'
            )
        expected = self.begin(len(features))
        same = state.keys() == expected.keys() and all(
            state[name].dim() == value.dim()
            and all(
                have == want
                for axis, (have, want) in enumerate(
                    zip(state[name].shape, value.shape, strict=True)
                )
                if axis != self.growing_axis
            )
            for name, value in expected.items()
        )
        if not same:
            shapes = {name: tuple(value.shape) for name, value in state.items()}
            wanted = {name: tuple(value.shape) for name, value in expected.items()}
            raise ValueError(
                f'the state {shapes} is not of this head and of {len(features)} streams, which '
                f'begin with {wanted}'
            )

    growing_axis: int | None = None
    """The axis of the state's tensors that grows with the stream, if there is one."""


def masked_loss(logits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Binary cross entropy over classes, the mean over frames that count; 0 if none does."""
    losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits), reduction='none')
    weights = known.to(logits)
    return (losses.sum(dim=-1) * weights).sum() / weights.sum().clamp(min=1)


def probabilities(logits: Tensor) -> Tensor:
    """The probability of each class; classes do not exclude each other."""
    return torch.sigmoid(logits.float())
