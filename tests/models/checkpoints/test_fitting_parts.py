"""Patches, channels and grids in another size."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.functional import interpolate

from mmaction_timesformer.models.checkpoints.fitting_parts import (
    adapt_channels,
    guess_grid,
    resize_patch_kernel,
)


@pytest.fixture
def kernel():
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('size', [(16, 16), (9, 12), (8, 24)])
def test_enlarged_patches_give_the_same_tokens(kernel, size):
    patches = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    enlarged = interpolate(patches, size=size, mode='bilinear', antialias=True)
    tokens = F.conv2d(enlarged, resize_patch_kernel(kernel, size))
    torch.testing.assert_close(tokens, F.conv2d(patches, kernel), atol=1e-4, rtol=1e-4)


def test_smaller_patches_give_the_closest_tokens(kernel):
    """Least squares over all patches: the residual stands perpendicular to what can be reached."""
    small = resize_patch_kernel(kernel, (4, 4)).double()
    pixels = torch.eye(64, dtype=torch.float64).view(64, 1, 8, 8)
    shrink = interpolate(pixels, size=(4, 4), mode='bilinear', antialias=True).flatten(1)
    residual = kernel.double().flatten(2) - small.flatten(2) @ shrink.T
    assert (residual @ shrink).abs().max() < 1e-6
    assert residual.abs().max() > 0.1


def test_same_size_is_left_alone(kernel):
    assert resize_patch_kernel(kernel, (8, 8)) is kernel
    assert adapt_channels(kernel, 3) is kernel


def test_grey_frames_give_the_tokens_of_their_rgb_copies(kernel):
    grey = torch.randn(2, 1, 8, 8)
    expected = F.conv2d(grey.expand(-1, 3, -1, -1), kernel)
    torch.testing.assert_close(F.conv2d(grey, adapt_channels(kernel, 1)), expected)
    single = kernel[:, :1]
    tokens = F.conv2d(grey.expand(-1, 3, -1, -1), adapt_channels(single, 3))
    torch.testing.assert_close(tokens, F.conv2d(grey, single))


def test_new_channels_change_nothing_at_first(kernel):
    frames = torch.randn(2, 4, 8, 8)
    tokens = F.conv2d(frames, adapt_channels(kernel, 4))
    torch.testing.assert_close(tokens, F.conv2d(frames[:, :3], kernel))


def test_guessed_grids():
    assert guess_grid(196, (28, 28), prefer_square=True) == (14, 14)
    assert guess_grid(98, (14, 28), prefer_square=True) == (7, 14)
    assert guess_grid(24, (4, 6), prefer_square=True) == (4, 6)
    # As many patches as the model's grid, but public weights are square, and one's own the same.
    assert guess_grid(16, (2, 8), prefer_square=True) == (4, 4)
    assert guess_grid(16, (2, 8), prefer_square=False) == (2, 8)
    with pytest.raises(ValueError, match='24 positions are neither a square grid nor one with'):
        guess_grid(24, (14, 14), prefer_square=True)
