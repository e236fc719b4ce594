"""Patches from the feature map of a CNN (ViT, arXiv 2010.11929, Sec. 3.1: hybrid architecture).

Legend: B batch, T frames, H/W pixels, h/w patch rows and columns, C channels of the map, D
channels of a token.
"""

from __future__ import annotations

from typing import Any

from einops import rearrange
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmaction_timesformer.models.patch_embeds.feature_maps import FeatureMaps
from mmaction_timesformer.registry import PATCH_EMBEDS


@PATCH_EMBEDS.register_module()
class HybridPatchEmbed(BaseModule):
    """Embed the cells of a CNN's feature map, frame by frame, in place of patches of pixels.

    Args:
        patch_size: Rows and columns of a patch in pixels: the stride of the stage.
        in_channels: Channels of a frame, 3.
        embed_dims: D.
        cnn: The network, as `FeatureMaps` takes it.
        stage: Which of its stages gives the map.
        frozen: Whether the CNN stays as it is; the projection is always trained.
        pretrained: Whether an EfficientNet-Lite starts from ImageNet weights.

    Raises:
        ValueError: The patch size is not the stage's stride, or frames are not RGB.
    """

    def __init__(
        self,
        patch_size: tuple[int, int],
        in_channels: int,
        embed_dims: int,
        cnn: str | dict[str, Any] = 'efficientnet_lite0',
        stage: int = 5,
        frozen: bool = True,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        if in_channels != 3:
            raise ValueError(f'in_channels={in_channels}: an image network takes 3')
        self.cnn = FeatureMaps(cnn, stage, frozen, pretrained)
        if tuple(patch_size) != (self.cnn.stride, self.cnn.stride):
            raise ValueError(
                f'patch_size={patch_size} does not fit stage {stage} of the CNN, whose stride is '
                f'{self.cnn.stride}: set patch_size={self.cnn.stride}'
            )
        self.patch_size = patch_size
        self.projection = nn.Conv2d(self.cnn.out_channels, embed_dims, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to patches (B, T, h, w, D); sizes need not divide."""
        maps = self.cnn(rearrange(clips, 'b c t h w -> (b t) c h w'))
        return rearrange(self.projection(maps), '(b t) d h w -> b t h w d', b=clips.shape[0])
