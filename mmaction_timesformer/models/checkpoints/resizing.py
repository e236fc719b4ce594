"""Weights in another size: patches, channels, and the grid that positions stand for.

Legend: D channels of the model, C channels of a frame, p/q rows and columns of a patch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_patch_kernel(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize the kernel of a patch embedding by the pseudo-inverse of resizing patches.

    If R resizes a patch, the new kernel is the one whose products with resized patches come closest
    to the old kernel's with the originals, and equal them where R enlarges (FlexiViT, arXiv
    2212.08013, Sec. 3.4). Interpolating the kernel itself would change the tokens' magnitude.

    Args:
        kernel: (D, C, p, q).
        size: (p', q') wanted.

    Returns:
        (D, C, p', q').
    """
    rows, columns = kernel.shape[2:]
    if (rows, columns) == size:
        return kernel
    pixels = torch.eye(rows * columns).view(rows * columns, 1, rows, columns)
    resized = F.interpolate(pixels, size=size, mode='bilinear', antialias=True).flatten(1)
    new = kernel.flatten(2).double() @ torch.linalg.pinv(resized.double()).T
    return new.unflatten(2, size).to(kernel.dtype)


def adapt_channels(kernel: Tensor, num_channels: int) -> Tensor:
    """Give the kernel of a patch embedding another number of input channels.

    To fewer channels, or from a single one, every channel gets an equal share of the sum: a grey
    frame then gives the tokens of its RGB copy. To more channels, the new ones start at zero: the
    model starts as it was and learns what depth or infrared add.

    Args:
        kernel: (D, C, p, q).
        num_channels: C' wanted.

    Returns:
        (D, C', p, q).
    """
    source = kernel.shape[1]
    if source == num_channels:
        return kernel
    if num_channels < source or source == 1:
        share = kernel.sum(dim=1, keepdim=True) / num_channels
        return share.expand(-1, num_channels, -1, -1).contiguous()
    return F.pad(kernel, (0, 0, 0, 0, 0, num_channels - source))


def guess_grid(num_patches: int, target: tuple[int, int], prefer_square: bool) -> tuple[int, int]:
    """The grid that a number of positions stands for: nothing in the weights tells.

    Args:
        num_patches: Positions, the class token's left out.
        target: (h, w) of the model, which the source's grid resembles where it is not square.
        prefer_square: Whether a square grid is likelier than the model's own, as in public weights.

    Raises:
        ValueError: No square and no grid of the target's aspect ratio has this many patches.
    """
    side = math.isqrt(num_patches)
    square = side * side == num_patches
    if num_patches == target[0] * target[1] and not (square and prefer_square):
        return target
    if square:
        return side, side
    scale = math.sqrt(num_patches / (target[0] * target[1]))
    rows, columns = round(target[0] * scale), round(target[1] * scale)
    if rows * columns == num_patches:
        return rows, columns
    raise ValueError(
        f'{num_patches} positions are neither a square grid nor one with the aspect ratio of '
        f"the model's {target[0]}x{target[1]} patches; build the model with the img_size of the "
        'weights, or with the same ratio of height to width'
    )
