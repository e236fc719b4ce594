"""Batches in which what moves counts more than what stands still, for cameras not seen before.

Legend: B clips, V views of a clip, T frames, H/W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmaction.utils import SampleList
from torch import Tensor, nn

from mmaction_timesformer.registry import MODELS

SOFTNESS = 5
"""Pixels over which the edge of what moves fades."""


@MODELS.register_module()
class BackgroundErase(nn.Module):
    """Add a still frame of the clip to all of its frames (arXiv 2009.05769).

    What moves keeps its differences over time, what stands still is as it was or worse. As the
    ``blending`` of a data preprocessor.

    Args:
        strength: The largest share of the still frame.
        chance: How often a clip is changed.
    """

    def __init__(self, strength: float = 0.3, chance: float = 0.5) -> None:
        super().__init__()
        if not (0 < strength < 1 and 0 <= chance <= 1):
            raise ValueError(f'strength={strength} must be in (0, 1), chance={chance} in 0..1')
        self.strength, self.chance = strength, chance

    def forward(self, clips: Tensor, samples: SampleList) -> tuple[Tensor, SampleList]:
        """Clips (B, V, 3, T, H, W) of which some are changed, and the samples as they are."""
        ratio = self.strength * torch.rand(len(clips), device=clips.device)
        ratio = ratio * (torch.rand_like(ratio) < self.chance)
        chosen = torch.randint(clips.shape[3], (len(clips),), device=clips.device)
        still = clips[torch.arange(len(clips)), :, :, chosen].unsqueeze(3)
        ratio = ratio.view(-1, 1, 1, 1, 1, 1)
        return (1 - ratio) * clips + ratio * still, samples


@MODELS.register_module()
class ForegroundPaste(nn.Module):
    """Paste what moves onto the background of another clip of the batch (arXiv 2302.11861).

    A clip's background is its median over time. Where a class sits in what stands still, as a
    lowered bridge does, this takes the class away: measure it. As the ``blending`` of a data
    preprocessor.

    Args:
        threshold: Mean difference of the normalised channels from which a pixel moves.
        chance: How often a clip is changed.
    """

    def __init__(self, threshold: float = 0.3, chance: float = 0.5) -> None:
        super().__init__()
        if not (threshold > 0 and 0 <= chance <= 1):
            raise ValueError(f'threshold={threshold} must be above 0, chance={chance} in 0..1')
        self.threshold, self.chance = threshold, chance

    def forward(self, clips: Tensor, samples: SampleList) -> tuple[Tensor, SampleList]:
        """Clips (B, V, 3, T, H, W) of which some are changed, and the samples as they are."""
        background = median_frame(clips)
        other = background[torch.randperm(len(clips), device=clips.device)]
        pasted = paste(clips, background, other, self.threshold)
        changed = torch.rand(len(clips), device=clips.device) < self.chance
        return torch.where(changed.view(-1, 1, 1, 1, 1, 1), pasted, clips), samples


def median_frame(clips: Tensor) -> Tensor:
    """The median over time, (..., T, H, W) to (..., 1, H, W); of two in the middle the smaller.

    All pixels are sorted together, neighbours in time being exchanged in turn: for a clip's few
    frames many times as fast on a CPU as ``Tensor.median``, which takes pixel by pixel.
    """
    frames = clips.movedim(-3, 0).clone()
    num_frames = len(frames)
    for turn in range(num_frames):
        earlier = frames[turn % 2 : num_frames - 1 : 2]
        later = frames[turn % 2 + 1 :: 2]
        smaller, larger = torch.minimum(earlier, later), torch.maximum(earlier, later)
        earlier.copy_(smaller)
        later.copy_(larger)
    return frames[(num_frames - 1) // 2].unsqueeze(-3)


def paste(clips: Tensor, background: Tensor, other: Tensor, threshold: float) -> Tensor:
    """Show what moves in front of another background, with soft edges.

    Args:
        clips: (B, V, 3, T, H, W).
        background: Theirs, (B, V, 3, 1, H, W).
        other: What is shown in its place, of the same shape.
        threshold: Mean difference of the channels from which a pixel moves.
    """
    moves = (clips - background).abs().mean(dim=2, keepdim=True) > threshold
    flat = moves.float().flatten(0, 3)
    soft = F.avg_pool2d(flat, SOFTNESS, 1, SOFTNESS // 2, count_include_pad=False)
    shares = torch.maximum(soft, flat).view(moves.shape)
    return shares * clips + (1 - shares) * other
