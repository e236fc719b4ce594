"""Decomposition of frames into patches and their linear embedding (paper, Sec. 3, Eq. 1).

Legend: B batch, T frames, H/W pixels, h/w patch rows and columns, D channels.
"""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """Embed the non-overlapping patches of every frame.

    Args:
        patch_size: Rows and columns of a patch, in pixels.
        in_channels: Channels of a frame.
        embed_dims: D.
    """

    def __init__(self, patch_size: tuple[int, int], in_channels: int, embed_dims: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(in_channels, embed_dims, patch_size, stride=patch_size)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, channels, T, H, W) to patches (B, T, h, w, D).

        Raises:
            ValueError: A frame does not divide into whole patches.
        """
        height, width = clips.shape[-2:]
        rows, columns = self.patch_size
        fit = (max(height // rows, 1) * rows, max(width // columns, 1) * columns)
        if (height, width) != fit:
            raise ValueError(
                f'frames of {height}x{width} pixels do not divide into patches of '
                f'{rows}x{columns}; {fit[0]}x{fit[1]} would fit'
            )
        # A convolution whose steps are as large as its kernel is a product of flattened patches.
        flat = rearrange(
            clips, 'b c t (h rows) (w cols) -> t h w b (c rows cols)', rows=rows, cols=columns
        )
        patches = F.linear(flat, self.projection.weight.flatten(1), self.projection.bias)
        return rearrange(patches, 't h w b d -> b t h w d')
