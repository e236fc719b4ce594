"""Predicts the patches of a clip that were hidden from the backbone (arXiv 2111.09886, 2203.12602).

One decoder, two patterns of what is hidden. Tubes hide the same places in every frame, for
pretraining without labels. Last frames hide what comes next: the prediction is one of the future,
and its error measures how unusual a scene is.

Legend: B clips, T frames, H/W pixels, h/w patch rows and columns, D channels, C channels inside,
M hidden patches, P numbers of a patch.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class FutureFrameDecoder(BaseModule):
    """A small transformer over the backbone's tokens, with a learned token for what is hidden.

    Targets are pixels, of each patch less its mean and divided by its deviation.

    Args:
        in_channels: D, of a backbone with ``out_type='tokens'``.
        patch_size: Rows and columns of a patch, in pixels.
        colors: Channels of a frame.
        embed_dims: C.
        num_heads: Attention heads.
        num_layers: Layers.
        init_cfg: As in mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        patch_size: tuple[int, int] = (16, 16),
        colors: int = 3,
        embed_dims: int = 96,
        num_heads: int = 4,
        num_layers: int = 2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if embed_dims % 6:
            raise ValueError(f'embed_dims={embed_dims} must divide by 6: three axes, two waves')
        self.patch_size = tuple(patch_size)
        self.embed = nn.Linear(in_channels, embed_dims)
        self.hidden = nn.Parameter(torch.randn(embed_dims) * 0.02)
        layer = nn.TransformerEncoderLayer(
            embed_dims,
            num_heads,
            2 * embed_dims,
            dropout=0.0,
            activation='gelu',
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(embed_dims)
        self.predict = nn.Linear(embed_dims, patch_size[0] * patch_size[1] * colors)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Predict hidden patches.

        Args:
            tokens: (B, T, h, w, D), of a clip from which the patches were hidden.
            mask: (T, h, w), true for hidden patches.

        Returns:
            (B, M, P), in the order of :meth:`targets`.
        """
        embedded = torch.where(mask[..., None], self.hidden, self.embed(tokens))
        embedded = embedded + grid_encoding(mask.shape, embedded.shape[-1]).to(embedded)
        decoded = self.layers(embedded.flatten(1, 3))
        return self.predict(self.norm(decoded[:, mask.flatten()]))

    def loss(self, tokens: Tensor, clips: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Mean squared error of the hidden patches.

        Args:
            tokens: (B, T, h, w, D) of the clips without their hidden patches.
            clips: (B, colors, T, H, W), whole.
            mask: (T, h, w).
        """
        return {'loss_hidden': (self(tokens, mask) - self.targets(clips, mask)).square().mean()}

    def surprise(self, tokens: Tensor, clips: Tensor, mask: Tensor) -> Tensor:
        """The error of each clip, (B,): how unlike the prediction the hidden patches are."""
        return (self(tokens, mask) - self.targets(clips, mask)).square().mean(dim=(1, 2))

    def targets(self, clips: Tensor, mask: Tensor) -> Tensor:
        """Targets of the prediction, (B, M, P): hidden patches in (t h w) order, normalised."""
        rows, columns = self.patch_size
        patches = rearrange(
            clips, 'b c t (h p1) (w p2) -> b (t h w) (p1 p2 c)', p1=rows, p2=columns
        )[:, mask.flatten()]
        mean, std = patches.mean(dim=-1, keepdim=True), patches.std(dim=-1, keepdim=True)
        return (patches - mean) / (std + 1e-3)

    def hide(self, clips: Tensor, mask: Tensor) -> Tensor:
        """The clips with hidden patches at 0, for the backbone."""
        rows, columns = self.patch_size
        pixels = mask.repeat_interleave(rows, dim=1).repeat_interleave(columns, dim=2)
        return clips.masked_fill(pixels, 0.0)


def tube_mask(
    grid: tuple[int, int, int], ratio: float, generator: torch.Generator | None = None
) -> Tensor:
    """Hide the same places in every frame.

    Args:
        grid: (T, h, w).
        ratio: Share of the places, rounded; at least one is hidden and one is not.
        generator: Source of chance.

    Raises:
        ValueError: The ratio is not between 0 and 1, or there is one place alone.
    """
    num_frames, height, width = grid
    places = height * width
    if not 0 < ratio < 1 or places < 2:
        raise ValueError(f'ratio={ratio} of {places} places must leave some and hide some')
    num_hidden = min(max(round(ratio * places), 1), places - 1)
    chosen = torch.randperm(places, generator=generator) < num_hidden
    return chosen.view(1, height, width).expand(num_frames, -1, -1)


def last_frames_mask(grid: tuple[int, int, int], num_hidden: int) -> Tensor:
    """Hide the last frames.

    Args:
        grid: (T, h, w).
        num_hidden: How many frames.

    Raises:
        ValueError: Nothing or everything would be hidden.
    """
    if not 0 < num_hidden < grid[0]:
        raise ValueError(f'num_hidden={num_hidden} of {grid[0]} frames must leave some')
    mask = torch.zeros(grid, dtype=torch.bool)
    mask[grid[0] - num_hidden :] = True
    return mask


def grid_encoding(grid: torch.Size | tuple[int, ...], dims: int) -> Tensor:
    """Sines and cosines of time, row and column, a third of the channels each: (T, h, w, dims)."""
    parts = []
    for axis, length in enumerate(grid):
        frequencies = torch.exp(torch.arange(dims // 6) * (-math.log(1000.0) / (dims // 6)))
        angles = torch.arange(length)[:, None] * frequencies
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1)
        shape = [1, 1, 1, waves.shape[-1]]
        shape[axis] = length
        parts.append(waves.view(shape).expand(*grid, -1))
    return torch.cat(parts, dim=-1)
