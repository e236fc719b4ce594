"""One frame of a stream as a function of tensors of constant size, for other runtimes.

Everything that a model keeps of a stream goes in and comes out. The caches of keys and values have
their full size from the start; what is not there yet is masked by the number of frames so far.

Legend: H/W pixels, h/w patch rows and columns, P = h w places, L blocks, W frames of the window,
d channels of a head, F horizons, K classes.
"""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from mmaction_timesformer.models.attention_schemes import CausalDividedSpaceTime
from mmaction_timesformer.models.attention_schemes.causal_divided_space_time import (
    CausalTimeStep,
)
from mmaction_timesformer.models.backbones.timesformer import TransformerBlock
from mmaction_timesformer.models.heads import RecurrentActionHead
from mmaction_timesformer.models.layers import TokenGrid
from mmaction_timesformer.models.layers.rotary import rotate
from mmaction_timesformer.models.recognizers import OnlineRecognizer

INPUTS = ('picture', 'seconds', 'count', 'background', 'previous', 'past', 'hidden')
OUTPUTS = ('probabilities', *(f'next_{name}' for name in INPUTS[2:]))


class StreamStep(nn.Module):
    """The next frame and a state in, probabilities and the next state out.

    Args:
        model: In evaluation mode; it is copied.
        image_size: (H, W).

    Raises:
        ValueError: The head's state grows with the stream, or the backbone has other options.
    """

    def __init__(self, model: OnlineRecognizer, image_size: tuple[int, int]) -> None:
        super().__init__()
        if not isinstance(model.head, RecurrentActionHead):
            raise ValueError(
                f'{type(model.head).__name__} keeps a state that grows, which a graph of constant '
                'sizes has no place for; export a model with RecurrentActionHead'
            )
        if model.backbone.rotation is not None or model.backbone.token_shift:
            raise ValueError(
                "a backbone with pos_embed='rotary' or token_shift is not exported; "
                'frame_seconds of the scheme is'
            )
        model = copy.deepcopy(model).float()
        self.backbone, self.head, self.motion = model.backbone, model.head, model.motion
        self.register_buffer('mean', model.mean, persistent=False)
        self.register_buffer('std', model.std, persistent=False)
        self.image_size = image_size
        self.mean: Tensor
        self.std: Tensor
        self.eval().requires_grad_(False)

    def begin(self) -> tuple[Tensor, ...]:
        """The state before the first frame: `INPUTS` from ``count`` on."""
        scheme = _scheme_of(self.backbone.blocks[0])
        height, width = self.image_size
        rows, columns = self.backbone.patch_size
        past = torch.zeros(
            len(self.backbone.blocks),
            2,
            (height // rows) * (width // columns),
            scheme.time.num_heads,
            scheme.window - 1,
            scheme.time.proj.in_features // scheme.time.num_heads,
        )
        pictures = torch.zeros(2, height, width)
        hidden = torch.zeros(1, 1, self.head.hidden_dims)
        return torch.zeros(1, dtype=torch.long), pictures[0], pictures[1], past, hidden

    def forward(
        self,
        picture: Tensor,
        seconds: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        """Take a frame.

        Args:
            picture: (3, H, W), uint8, RGB.
            seconds: Its time (1,), float64.
            state: From `begin` or the step before: ``count`` of frames before it (1,),
                ``background``, the mean of what the camera has shown (H, W), ``previous``, the
                picture before (H, W), ``past`` keys and values (L, 2, P, heads, W - 1, d), and
                ``hidden`` of the head (1, 1, channels).

        Returns:
            Probabilities (1 + F, K), and the state from ``count`` on.
        """
        count, background, previous, past, hidden = state
        frame, background, previous = self._pixels(picture.float(), count, background, previous)
        tokens, grid = self.backbone._embed(frame[None, :, None], seconds[None])
        caches = []
        for block, cached in zip(self.backbone.blocks, past, strict=True):
            scheme = _scheme_of(block)
            cls, patches = grid.split(tokens)
            update, cache = _look_back(scheme.time, patches, seconds, count, cached)
            tokens = grid.join(cls, patches + update)
            tokens = tokens + scheme.space(tokens, grid)
            tokens = _mlp(block, tokens)
            caches.append(cache)
        feature = self._feature(tokens, grid)
        hidden = self._remember(feature, hidden)
        probabilities = self.head._classify(hidden[0, 0]).sigmoid()
        return probabilities, count + 1, background, previous, torch.stack(caches), hidden

    def _pixels(
        self, picture: Tensor, count: Tensor, background: Tensor, previous: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The backbone's input (3, H, W), and the pictures to keep."""
        if self.motion is None:
            return ((picture[:, None] - self.mean) / self.std)[:, 0], background + 0, previous + 0
        red, green = picture[0], picture[1]
        background = torch.where(count == 0, red, background)
        previous = torch.where(count == 0, red, previous)
        weight = 1.0 / (count + 1).clamp(max=self.motion.background_frames).float()
        background = background + (red - background) * weight
        channels = (red - green - self.motion.center, red - background, red - previous)
        return torch.stack(channels) / self.motion.scale, background, red

    def _feature(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """(1, D) of the frame."""
        cls, patches = grid.split(tokens)
        if self.backbone.out_type == 'cls':
            return self.backbone.norm(cls)[:, 0]
        return self.backbone.norm(patches).mean(dim=(1, 2, 3))

    def _remember(self, feature: Tensor, hidden: Tensor) -> Tensor:
        """One step of the GRU, written out."""
        gru = self.head.gru
        given = F.linear(self.head.embed(feature), gru.weight_ih_l0, gru.bias_ih_l0).chunk(3, -1)
        kept = F.linear(hidden[0], gru.weight_hh_l0, gru.bias_hh_l0).chunk(3, -1)
        reset = (given[0] + kept[0]).sigmoid()
        update = (given[1] + kept[1]).sigmoid()
        new = (given[2] + reset * kept[2]).tanh()
        return (new + update * (hidden[0] - new))[None]


def _scheme_of(block: nn.Module) -> CausalDividedSpaceTime:
    assert isinstance(block, TransformerBlock)
    assert isinstance(block.steps, CausalDividedSpaceTime)
    return block.steps


def _mlp(block: nn.Module, tokens: Tensor) -> Tensor:
    assert isinstance(block, TransformerBlock)
    mlp = block.mlp
    return tokens + mlp.fc2(mlp._activate(mlp.fc1(mlp.norm(tokens))))


def _look_back(
    step: CausalTimeStep, patches: Tensor, seconds: Tensor, count: Tensor, cached: Tensor
) -> tuple[Tensor, Tensor]:
    """The update (1, 1, h, w, D) of one frame, and its cache (2, P, heads, W - 1, d)."""
    height, width = patches.shape[2:4]
    q, k, v = rearrange(
        step.qkv(step.norm(patches)),
        '1 1 h w (three heads d) -> three (h w) heads 1 d',
        three=3,
        heads=step.num_heads,
    )
    if step.frequencies is not None:
        # Whole turns are taken off in double precision: a day of stream is as exact as its start.
        turns = torch.fmod(seconds[:, None] * step.frequencies, 2 * math.pi).float()
        turns = turns.repeat_interleave(2, dim=-1)
        q, k = rotate(q, turns), rotate(k, turns)
    k, v = (torch.cat((before, new), dim=2) for before, new in zip(cached, (k, v), strict=True))
    age = torch.arange(step.window - 1, -1, -1)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(age > count, -1e9).softmax(dim=-1)
    update = rearrange(weights @ v, '(h w) heads 1 d -> 1 1 h w (heads d)', h=height, w=width)
    return step.fc(step.proj(update)), torch.stack((k[:, :, 1:], v[:, :, 1:]))
