"""An encoder-decoder over minutes of frame features (LSTR, arXiv 2107.03377).

The encoder compresses what is long past: learned queries attend to minutes of frames (16 of them),
and others (32) to what those have gathered. The decoder lets the frames of the last seconds attend
to each other, each to itself and earlier ones, and to the compressed memory. Learned queries for
moments to come (MAT, arXiv 2308.07893) see all of it and share the classifier.

Legend: B streams, n new frames, w frames of the last seconds, M remembered frames, L frames kept,
D channels, C channels inside, F horizons, K classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from mmaction_timesformer.models.heads.online_action_head import (
    HeadState,
    OnlineActionHead,
    OnlineHeadOptions,
)
from mmaction_timesformer.registry import MODELS

_FRAMES_AT_ONCE = 32


@MODELS.register_module()
class MemoryActionHead(OnlineActionHead):
    """Compressed memory, a decoder of masked self-attention, queries for the future.

    Args:
        recent_seconds: What the decoder sees frame by frame.
        memory_seconds: What the encoder compresses, before that.
        memory_stride_seconds: Distance of remembered frames.
        embed_dims: C.
        num_heads: Attention heads.
        num_queries: Learned queries of the encoder's two stages.
        dropout_ratio: Inside attention and feed-forward layers.
        shared: As in `OnlineActionHead`.
    """

    growing_axis = 1

    def __init__(
        self,
        recent_seconds: float = 8.0,
        memory_seconds: float = 600.0,
        memory_stride_seconds: float = 1.0,
        embed_dims: int = 128,
        num_heads: int = 4,
        num_queries: tuple[int, int] = (16, 32),
        dropout_ratio: float = 0.2,
        **shared: Unpack[OnlineHeadOptions],
    ) -> None:
        super().__init__(**shared)
        frame_seconds = self.frame_seconds
        self.embed_dims = embed_dims
        self.num_heads = num_heads
        self.num_recent = max(1, round(recent_seconds / frame_seconds))
        self.stride = max(1, round(memory_stride_seconds / frame_seconds))
        self.num_remembered = max(1, round(memory_seconds / (self.stride * frame_seconds)))

        def layers(count: int) -> nn.TransformerDecoder:
            layer = nn.TransformerDecoderLayer(
                embed_dims,
                num_heads,
                2 * embed_dims,
                dropout_ratio,
                'gelu',
                batch_first=True,
                norm_first=True,
            )
            return nn.TransformerDecoder(layer, count, nn.LayerNorm(embed_dims))

        def learned(count: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(count, embed_dims) * 0.02)

        self.embed = nn.Sequential(
            nn.Linear(self.in_channels, embed_dims), nn.LayerNorm(embed_dims)
        )
        self.dropout = nn.Dropout(dropout_ratio)
        self.nothing = learned(1)
        self.first_queries, self.second_queries = map(learned, num_queries)
        self.compress, self.refine = layers(1), layers(2)
        self.recent_positions = learned(self.num_recent)
        self.future_queries = learned(len(self.horizons))
        self.decode = layers(2)
        self.classify = nn.Linear(embed_dims, self.num_classes)

    @property
    def num_kept(self) -> int:
        """L, frames that the state keeps once it is full."""
        return self.num_recent + self.num_remembered * self.stride

    def begin(self, batch_size: int = 1) -> HeadState:
        """No frames."""
        kept = self.classify.weight.new_zeros(batch_size, 0, self.embed_dims)
        # One entry a frame, so that both tensors grow alike: the number of each.
        numbers = torch.zeros(batch_size, 0, dtype=torch.long, device=kept.device)
        return {'frames': kept, 'numbers': numbers}

    def step(self, features: Tensor, state: HeadState) -> tuple[Tensor, HeadState]:
        """Features (B, n, D) to logits (B, n, 1 + F, K), and the new state."""
        self.check_state(state, features)
        old = state['frames']
        first = int(state['numbers'][0, -1]) + 1 if old.shape[1] else 0
        numbers = torch.arange(first, first + features.shape[1], device=old.device)
        frames = torch.cat((old, self.embed(features)), dim=1)
        start = first - old.shape[1]
        logits = [
            self._frame_logits(frames, start, some) for some in numbers.split(_FRAMES_AT_ONCE)
        ]
        all_numbers = torch.cat((state['numbers'], numbers.expand(len(features), -1)), dim=1)
        kept = {
            'frames': frames[:, -self.num_kept :].contiguous(),
            'numbers': all_numbers[:, -self.num_kept :].contiguous(),
        }
        return torch.cat(logits, dim=1), kept

    def window_logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the recent frames of windows (B, T, D), (B, w, K), and ahead, (B, F, K)."""
        frames = self.dropout(self.embed(features))
        last = torch.tensor([frames.shape[1] - 1], device=frames.device)
        decoded = self._decode(frames, 0, last)[:, 0]
        num_recent = min(self.num_recent, frames.shape[1])
        now = decoded[:, self.num_recent - num_recent : self.num_recent]
        return self.classify(now), self.classify(decoded[:, self.num_recent :])

    def _frame_logits(self, frames: Tensor, start: int, numbers: Tensor) -> Tensor:
        """Logits (B, n, 1 + F, K) of the frames with these numbers; the first kept is `start`."""
        return self.classify(self._decode(frames, start, numbers)[:, :, self.num_recent - 1 :])

    def _decode(self, frames: Tensor, start: int, numbers: Tensor) -> Tensor:
        """Output of the decoder at frames with these numbers, (B, n, w + F, C)."""
        batch_size, num_new = frames.shape[0], len(numbers)
        recent, is_recent = self._gather(
            frames, start, numbers[:, None] - torch.arange(self.num_recent).flip(0).to(numbers)
        )
        memory = self._remember(frames, start, numbers)
        tokens = recent.flatten(0, 1) + self.recent_positions
        queries = self.future_queries.expand(batch_size * num_new, -1, -1)
        mask = self._mask(is_recent).repeat(batch_size, 1, 1)
        decoded = self.decode(
            torch.cat((tokens, queries), dim=1),
            memory,
            tgt_mask=mask.repeat_interleave(self.num_heads, dim=0),
        )
        return decoded.unflatten(0, (batch_size, num_new))

    def _remember(self, frames: Tensor, start: int, numbers: Tensor) -> Tensor:
        """Compressed memory of each frame, (B n, queries, C)."""
        # Every so many-th frame of the stream is remembered, whatever the chunks it came in.
        newest = (numbers - self.num_recent).div(self.stride, rounding_mode='floor') * self.stride
        back = torch.arange(self.num_remembered, device=numbers.device) * self.stride
        places = newest[:, None] - back
        remembered, is_there = self._gather(frames, start, places)
        ages = (numbers[:, None] - places) * self.frame_seconds
        remembered = remembered + age_encoding(ages, remembered.shape[-1]).to(remembered)
        remembered = remembered.flatten(0, 1)
        nothing = self.nothing.expand(len(remembered), 1, -1)
        absent = torch.cat((is_there.new_zeros(len(is_there), 1), ~is_there), dim=1)
        gathered = self.compress(
            self.first_queries.expand(len(remembered), -1, -1),
            torch.cat((nothing, remembered), dim=1),
            memory_key_padding_mask=absent.repeat(frames.shape[0], 1),
        )
        return self.refine(self.second_queries.expand(len(remembered), -1, -1), gathered)

    def _gather(self, frames: Tensor, start: int, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Frames with numbers (n, m), (B, n, m, C), and which of them there are, (n, m)."""
        places = numbers - start
        return frames[:, places.clamp(min=0)], (places >= 0) & (numbers >= 0)

    def _mask(self, is_recent: Tensor) -> Tensor:
        """Mask of the tokens that each token of the decoder must not see, (n, w + F, w + F)."""
        size = self.num_recent + len(self.horizons)
        order = torch.arange(size, device=is_recent.device)
        seen = order <= order[:, None]
        seen[self.num_recent :, self.num_recent :] = False
        there = torch.cat((is_recent, is_recent.new_zeros(len(is_recent), len(self.horizons))), 1)
        # A token that is not there still sees itself: a softmax over nothing is not a number.
        itself = torch.eye(size, dtype=torch.bool, device=is_recent.device)
        return ~(seen & there[:, None] | itself)


def age_encoding(seconds: Tensor, dims: int) -> Tensor:
    """Sines and cosines (..., dims) of ages; periods from 4 s to about an hour, in equal ratios."""
    periods = torch.logspace(
        math.log10(4.0), math.log10(4096.0), dims // 2, device=seconds.device, dtype=torch.float64
    )
    angles = seconds.double()[..., None] * (2 * math.pi / periods)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)
