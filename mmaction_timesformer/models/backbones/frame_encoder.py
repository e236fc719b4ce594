"""An image network run over every frame of a clip, and optionally a TimeSformer on its maps.

Legend: B clips, T frames, H/W pixels, h/w cells of a feature map, C channels of the map, D channels
of a token.
"""

from __future__ import annotations

from typing import Any

from einops import rearrange
from mmengine.model import BaseModule
from torch import Tensor

from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone
from mmaction_timesformer.models.patch_embeds.feature_maps import FeatureMaps
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class FrameEncoder(BaseModule):
    """The feature maps of a clip's frames, for a head that reads maps.

    Args:
        cnn: The network, as `FeatureMaps` takes it.
        stage: Which of its stages gives the maps.
        frozen: Whether the network stays as it is.
        pretrained: Whether an EfficientNet-Lite starts from ImageNet weights.
        transformer: Arguments of a ``TimeSformerBackbone`` whose patches are the cells of the maps;
            its class token is given beside the maps, for a head with ``residual_channels``.
        init_cfg: As in mmengine.
    """

    def __init__(
        self,
        cnn: str | dict[str, Any] = 'efficientnet_lite0',
        stage: int = 7,
        frozen: bool = True,
        pretrained: bool = True,
        transformer: dict[str, Any] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.cnn = FeatureMaps(cnn, stage, frozen, pretrained)
        self.transformer = None
        if transformer is not None:
            self.transformer = TimeSformerBackbone(
                in_channels=self.cnn.out_channels, patch_size=1, **transformer
            )

    def forward(self, clips: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Clips (B, 3, T, H, W) to maps (B, T, h, w, C), or to maps and class tokens (B, D)."""
        maps = self.cnn(rearrange(clips, 'b c t h w -> (b t) c h w'))
        cells = rearrange(maps, '(b t) c h w -> b t h w c', b=clips.shape[0])
        if self.transformer is None:
            return cells
        frames = rearrange(maps, '(b t) c h w -> b c t h w', b=clips.shape[0])
        return cells, self.transformer(frames)
