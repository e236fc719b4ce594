"""The contract of an attention scheme.

A scheme is a short list of attention steps. One of them is the image ViT's and takes over its
weights; the others have an extra linear layer, by which loading tells them apart. A scheme
registers itself under the name that ``attention_type`` takes, so that a new one needs a file and
nothing else; docs/schemes.md has an example.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmaction_timesformer.models.layers import AttentionStep, TokenGrid


class AttentionScheme(nn.Module):
    """Attention steps that follow each other, in the order of their definition.

    Attributes:
        has_time_embed: Whether frames get a temporal position.
        cls_per_frame: Whether every frame keeps a class token of its own to the end.
        masks_frames: Whether frames that do not count are masked here, not left out before.
        looks_ahead: Whether a frame's tokens depend on later frames.
        shift_frames: Number of frames that token shift takes any clip for; ``None`` for its own.
    """

    has_time_embed = True
    cls_per_frame = False
    masks_frames = False
    looks_ahead = True
    shift_frames: int | None = None

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + T h w, D) to tokens of the same shape."""
        for step in self.children():
            assert isinstance(step, AttentionStep)
            tokens = step.add_to(tokens, grid)
        return tokens
