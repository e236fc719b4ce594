"""From the pictures of a stream to the probabilities of each frame, now and ahead.

    state = model.begin()
    for pictures in camera:
        probabilities, state = model.step(pictures, state)

Legend: n new frames, H/W pixels, D channels, F horizons, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmaction_timesformer.models.backbones import (
    StreamingTimeSformer,
    StreamState,
    TimeSformerBackbone,
)
from mmaction_timesformer.models.data_preprocessors.running_motion import MotionState, RunningMotion
from mmaction_timesformer.models.heads.online_action_head import (
    HeadState,
    OnlineActionHead,
    probabilities,
)
from mmaction_timesformer.registry import MODELS


@dataclass(frozen=True)
class OnlineState:
    """All that a model keeps of one stream.

    Attributes:
        pixels: Of the preprocessing; empty where it keeps nothing.
        backbone: Keys and values of the last frames.
        head: What the head remembers.
    """

    pixels: MotionState
    backbone: StreamState
    head: HeadState

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain data, for ``torch.save``; ``weights_only`` loading reads it."""
        return {'pixels': self.pixels, 'backbone': self.backbone.state_dict(), 'head': self.head}

    @classmethod
    def from_state_dict(cls, content: Mapping[str, Any]) -> OnlineState:
        """The inverse of :meth:`state_dict`.

        Raises:
            ValueError: Entries are missing.
        """
        missing = sorted({'pixels', 'backbone', 'head'} - set(content))
        if missing:
            raise ValueError(f'the state of a stream lacks {missing}; it has {sorted(content)}')
        backbone = StreamState.from_state_dict(content['backbone'])
        return cls(dict(content['pixels']), backbone, dict(content['head']))


@MODELS.register_module()
class OnlineRecognizer(BaseModule):
    """A causal TimeSformer and a head over its frame features.

    Args:
        backbone: Config of a ``TimeSformerBackbone`` that can stream.
        head: Config of an online head; its ``in_channels`` are the backbone's.
        motion: Config of `RunningMotion`, for a fixed camera; otherwise pictures are normalised.
        mean: Of each colour, 0 to 255.
        std: Of each colour.
        init_cfg: As in mmengine.

    Raises:
        ValueError: The parts do not fit each other.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        head: Mapping[str, Any],
        motion: Mapping[str, Any] | None = None,
        mean: Sequence[float] = (127.5, 127.5, 127.5),
        std: Sequence[float] = (127.5, 127.5, 127.5),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        built = MODELS.build(dict(backbone))
        if not isinstance(built, TimeSformerBackbone) or built.out_type == 'tokens':
            raise ValueError(
                f'backbone={backbone.get("type")!r} must be a TimeSformerBackbone with one feature '
                "a frame, out_type='cls' or 'avg'"
            )
        self.backbone = built
        self.stream = [StreamingTimeSformer(built)]  # in a list: its parameters are counted above
        self.head = MODELS.build({'in_channels': built.embed_dims, **head})
        if not isinstance(self.head, OnlineActionHead):
            raise ValueError(
                f'head={head.get("type")!r} classifies clips; choose RecurrentActionHead or '
                'MemoryActionHead'
            )
        if self.head.in_channels != built.embed_dims:
            raise ValueError(
                f'the head has in_channels={self.head.in_channels}, the backbone '
                f'{built.embed_dims}; leave in_channels out'
            )
        self.motion: RunningMotion | None = MODELS.build(dict(motion)) if motion else None
        self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(-1, 1, 1, 1), persistent=False)

    @property
    def frame_seconds(self) -> float:
        """Distance of frames that the head was made for."""
        return self.head.frame_seconds

    @property
    def horizons(self) -> tuple[float, ...]:
        """Seconds ahead that are predicted too."""
        return self.head.horizons

    def begin(self) -> OnlineState:
        """The state before the first frame."""
        pixels = self.motion.begin() if self.motion else {}
        return OnlineState(pixels, self.stream[0].begin(), self.head.begin())

    def step(
        self, pictures: Tensor, state: OnlineState, seconds: Tensor | None = None
    ) -> tuple[Tensor, OnlineState]:
        """Take the next frames.

        Args:
            pictures: (3, n, H, W), RGB levels 0 to 255.
            state: What the step before returned; it is not changed.
            seconds: Times (n,) of the frames, rising; by default ``frame_seconds`` apart.

        Returns:
            Probabilities (n, 1 + F, K), the present first, and the new state.
        """
        features, state = self.step_features(pictures, state, seconds)
        logits, head = self.head.step(features[None], state.head)
        return probabilities(logits[0]), OnlineState(state.pixels, state.backbone, head)

    def step_features(
        self, pictures: Tensor, state: OnlineState, seconds: Tensor | None = None
    ) -> tuple[Tensor, OnlineState]:
        """Features (n, D) of the next frames, without the head, and the new state."""
        pixels = state.pixels
        if self.motion is None:
            frames = (pictures - self.mean) / self.std
        else:
            frames, pixels = self.motion.step(pictures, pixels)
        frames = frames.to(self.backbone.cls_token.dtype)
        features, backbone = self.stream[0].step(frames[None], state.backbone, seconds)
        return features[0], OnlineState(pixels, backbone, state.head)
