"""A TimeSformer that takes a video frame by frame, with a cache of keys and values.

    stream = StreamingTimeSformer(backbone)
    state = stream.begin()
    for frames in camera:
        features, state = stream.step(frames, state)

Every frame is computed once. A whole video at once, for training, is the same computation with an
empty cache, so a stream has the features of its file.

Legend: B batch, n new frames, T frames, m cached frames, H/W pixels, h/w patch rows and columns,
D channels, d channels of a head.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmaction_timesformer.models.attention_schemes import CausalDividedSpaceTime
from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone, TransformerBlock


@dataclass(frozen=True)
class StreamState:
    """All that a stream needs of its past: small, and of constant size once it is full.

    Attributes:
        model: Fingerprint of the backbone that made it.
        num_frames: Frames seen so far.
        frame_size: (H, W); (0, 0) before the first frame.
        seconds: Times (m,) of the cached frames, float64.
        past: Keys and values of each block, (2, B h w, heads, m, d).
    """

    model: str
    num_frames: int
    frame_size: tuple[int, int]
    seconds: Tensor
    past: tuple[Tensor, ...]

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain data, for ``torch.save``; ``weights_only`` loading reads it."""
        return {
            'model': self.model,
            'num_frames': self.num_frames,
            'frame_size': list(self.frame_size),
            'seconds': self.seconds,
            'past': list(self.past),
        }

    @classmethod
    def from_state_dict(cls, content: Mapping[str, Any]) -> StreamState:
        """The inverse of :meth:`state_dict`.

        Raises:
            ValueError: Entries are missing.
        """
        missing = sorted({'model', 'num_frames', 'frame_size', 'seconds', 'past'} - set(content))
        if missing:
            raise ValueError(f'the state of a stream lacks {missing}; it has {sorted(content)}')
        height, width = content['frame_size']
        return cls(
            content['model'],
            content['num_frames'],
            (height, width),
            content['seconds'],
            tuple(content['past']),
        )


class StreamingTimeSformer(nn.Module):
    """Features of every frame of a video that comes whole or piece by piece.

    Args:
        backbone: With the scheme ``causal_divided_space_time``. Its ``out_type`` says what a
            frame's feature is: its class token, the mean over its patches, or its patches.

    Raises:
        ValueError: The backbone's scheme looks ahead.
    """

    def __init__(self, backbone: TimeSformerBackbone) -> None:
        super().__init__()
        if not isinstance(backbone.scheme, CausalDividedSpaceTime):
            raise ValueError(
                f'attention_type={backbone.attention_type!r} looks at later frames and cannot '
                "stream; build the backbone with attention_type='causal_divided_space_time', "
                'which takes the same weights'
            )
        self.backbone = backbone

    @property
    def frame_seconds(self) -> float:
        """Distance of frames where no times are given."""
        scheme = self.backbone.scheme
        assert isinstance(scheme, CausalDividedSpaceTime)
        return scheme.frame_seconds or self.backbone.frame_seconds

    @property
    def reach_frames(self) -> int:
        """How many frames before its own a feature depends on."""
        scheme = self.backbone.scheme
        assert isinstance(scheme, CausalDividedSpaceTime)
        return len(self.backbone.blocks) * (scheme.window - 1)

    def begin(self) -> StreamState:
        """The state before the first frame."""
        return StreamState(self.fingerprint(), 0, (0, 0), torch.zeros(0, dtype=torch.float64), ())

    def fingerprint(self) -> str:
        """A short name that changes with the sizes, the window and the weights."""
        backbone, scheme = self.backbone, self.backbone.scheme
        assert isinstance(scheme, CausalDividedSpaceTime)
        digest = hashlib.sha256()
        sizes = (len(backbone.blocks), scheme.time.num_heads, scheme.window, scheme.frame_seconds)
        digest.update(repr(sizes).encode())
        samples = (backbone.cls_token, backbone.norm.weight, scheme.time.qkv.weight[:1])
        for sample in samples:
            digest.update(sample.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def forward(self, clips: Tensor, seconds: Tensor | None = None) -> Tensor:
        """Features of a whole video, (B, T, D) or (B, T, h, w, D).

        Args:
            clips: (B, channels, T, H, W).
            seconds: Times (T,) of the frames; by default ``frame_seconds`` apart.
        """
        return self.step(clips, self.begin(), seconds)[0]

    def tokens(self, clips: Tensor) -> Tensor:
        """Patches of a whole video (B, T, h, w, D), whatever the backbone's ``out_type``."""
        return self.backbone.norm(self._advance(clips, self.begin(), None)[1])

    def step(
        self, frames: Tensor, state: StreamState, seconds: Tensor | None = None
    ) -> tuple[Tensor, StreamState]:
        """Take the next frames of a stream.

        Args:
            frames: (B, channels, n, H, W).
            state: What the step before returned; it is not changed.
            seconds: Times (n,) of the frames, rising; by default ``frame_seconds`` apart.

        Returns:
            Features (B, n, D) or (B, n, h, w, D), and the new state.

        Raises:
            ValueError: The frames have another size or number than those before, or the state is
                another model's.
        """
        cls, patches, new_state = self._advance(frames, state, seconds)
        return self._output(cls, patches), new_state

    def _advance(
        self, frames: Tensor, state: StreamState, seconds: Tensor | None
    ) -> tuple[Tensor, Tensor, StreamState]:
        """Class tokens (B, n, D) and patches (B, n, h, w, D), before the norm, and the state."""
        self._check(frames, state)
        times = self._times(frames.shape[2], state, seconds)
        new_times = times[len(state.seconds) :]
        tokens, grid = self.backbone._embed(frames, new_times.expand(len(frames), -1))
        caches = []
        for place, block in enumerate(self.backbone.blocks):
            past = state.past[place] if state.past else None
            if self.backbone.with_cp and torch.is_grad_enabled():
                tokens, cache = checkpoint(
                    _run_block, block, tokens, grid, new_times, past, use_reentrant=False
                )
            else:
                tokens, cache = _run_block(block, tokens, grid, new_times, past)
            caches.append(cache.detach())
        cls, patches = grid.split(tokens)
        kept = caches[0].shape[3]
        new_state = replace(
            state,
            num_frames=state.num_frames + frames.shape[2],
            frame_size=(frames.shape[3], frames.shape[4]),
            seconds=times[len(times) - kept :].clone(),
            past=tuple(caches),
        )
        return cls, patches, new_state

    def _output(self, cls: Tensor, patches: Tensor) -> Tensor:
        if self.backbone.out_type == 'cls':
            return self.backbone.norm(cls)
        patches = self.backbone.norm(patches)
        return patches if self.backbone.out_type == 'tokens' else patches.mean(dim=(2, 3))

    def _times(self, num_frames: int, state: StreamState, seconds: Tensor | None) -> Tensor:
        """Times of the cached and the new frames, (m + n,)."""
        if seconds is None:
            numbers = torch.arange(1, num_frames + 1, dtype=torch.float64)
            last = state.seconds[-1] if len(state.seconds) else -self.frame_seconds
            if not len(state.seconds) and state.num_frames:
                last = (state.num_frames - 1) * self.frame_seconds
            seconds = last + numbers * self.frame_seconds
        elif seconds.shape != (num_frames,):
            raise ValueError(
                f'seconds of shape {tuple(seconds.shape)} do not fit {num_frames} frames'
            )
        times = torch.cat((state.seconds, seconds.to('cpu', torch.float64)))
        if (times.diff() <= 0).any():
            raise ValueError(f'the times of frames must rise, got {times.tolist()}')
        return times

    def _check(self, frames: Tensor, state: StreamState) -> None:
        channels = self.backbone.patch_embed.projection.in_channels
        if frames.dim() != 5 or frames.shape[1] != channels or frames.shape[2] < 1:
            raise ValueError(
                f'frames of shape {tuple(frames.shape)} are not (batch, {channels} channels, '
                'at least one frame, height, width)'
            )
        if state.model != self.fingerprint():
            raise ValueError(
                f'the state is of another model ({state.model}, this one is '
                f'{self.fingerprint()}); begin() makes a new one'
            )
        if not state.past:
            return
        if tuple(frames.shape[3:]) != state.frame_size:
            raise ValueError(
                f'frames of {frames.shape[3]}x{frames.shape[4]} pixels do not continue a stream '
                f'of {state.frame_size[0]}x{state.frame_size[1]}; begin() starts a new one'
            )
        patch_rows, patch_columns = self.backbone.patch_size
        places = (frames.shape[3] // patch_rows) * (frames.shape[4] // patch_columns)
        if state.past[0].shape[1] != frames.shape[0] * places:
            raise ValueError(
                f'a batch of {frames.shape[0]} does not continue streams that were '
                f'{state.past[0].shape[1] // places}'
            )


def _run_block(
    block: nn.Module, tokens: Tensor, grid: Any, seconds: Tensor, past: Tensor | None
) -> tuple[Tensor, Tensor]:
    assert isinstance(block, TransformerBlock)
    assert isinstance(block.steps, CausalDividedSpaceTime)
    tokens, cache = block.steps.step(tokens, grid, seconds, past)
    return block.mlp(tokens, grid), cache
