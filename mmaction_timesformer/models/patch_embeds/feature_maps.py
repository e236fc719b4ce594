"""An image network as a source of feature maps: which one, up to where, trained or frozen.

Legend: N pictures, C channels, H/W pixels, h/w cells of the feature map.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmaction_timesformer.models.checkpoints.public_weights import IMAGENET, Preprocessing
from mmaction_timesformer.models.patch_embeds.efficientnet_lite import (
    SCALING,
    EfficientNetLite,
    rename_weights,
)
from mmaction_timesformer.models.patch_embeds.imagenet_weights import PACKAGES
from mmaction_timesformer.registry import MODELS

LITE = Preprocessing((127 / 255,) * 3, (128 / 255,) * 3)
"""How EfficientNet-Lite was trained."""

PICTURES_AT_ONCE = 4


class FeatureMaps(BaseModule):
    """The feature maps of an image network.

    Args:
        cnn: ``efficientnet_lite0``, ``1`` or ``2``, with ImageNet weights from the package index
            (extra ``imagenet``); or the config of a 2-D backbone of mmaction2 or mmengine, such as
            ``dict(type='ResNet', depth=50, pretrained=...)``, which loads its weights itself.
        stage: The stage whose maps are taken. Of EfficientNet-Lite 1 to 8; 5 has stride 16, 7 and
            8 (the head) have stride 32. Of a config's outputs the number, from 0.
        frozen: Whether the network stays as it is: no gradients, batch statistics as stored.
        pretrained: Whether an EfficientNet-Lite gets its ImageNet weights. They are loaded as
            soon as they are installed; training without them is refused.

    Attributes:
        out_channels: C.
        stride: Pixels from one cell to the next.
        preprocessing: Inputs that the network was trained with; None if it is not known.

    Raises:
        ValueError: An unknown network or stage.
    """

    def __init__(
        self,
        cnn: str | dict[str, Any] = 'efficientnet_lite0',
        stage: int = 7,
        frozen: bool = True,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        self.stage, self.frozen = stage, frozen
        self.missing_weights: str | None = None
        self.preprocessing: Preprocessing | None
        if isinstance(cnn, str):
            network = EfficientNetLite(cnn, stage)
            self.preprocessing = LITE if pretrained else None
            if pretrained and PACKAGES[cnn].find() is None:
                self.missing_weights = cnn
            elif pretrained:
                network.load_state_dict(rename_weights(PACKAGES[cnn].load(), network))
            self.out_channels, self.stride = network.out_channels, network.stride
        elif isinstance(cnn, dict):
            network = MODELS.build(cnn)
            self.preprocessing = IMAGENET if cnn.get('pretrained') or cnn.get('init_cfg') else None
        else:
            raise ValueError(f'cnn={cnn!r} is neither a config nor one of {list(SCALING)}')
        # Convolutions of this order of values take two thirds of the time on a CPU.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if isinstance(cnn, dict):
            self.out_channels, self.stride = self._measure()
        if frozen:
            self.requires_grad_(False)
        self.train(self.training)

    def _measure(self) -> tuple[int, int]:
        side = 128
        self.network.eval()
        with torch.no_grad():
            maps = self._maps(torch.zeros(1, 3, side, side))
        self.network.train()
        return maps.shape[1], round(side / maps.shape[-1])

    def _maps(self, pictures: Tensor) -> Tensor:
        maps = self.network(pictures)
        if not isinstance(maps, tuple | list):
            return maps
        if not 0 <= self.stage < len(maps):
            raise ValueError(f'stage={self.stage}: the network has outputs 0..{len(maps) - 1}')
        return maps[self.stage]

    def check_weights(self) -> None:
        """Complain of ImageNet weights that are not installed.

        Raises:
            FileNotFoundError: Names the command that installs them.
        """
        if self.missing_weights is not None:
            PACKAGES[self.missing_weights].load()

    def init_weights(self) -> None:
        """Load the weights that a config names; those of ImageNet must be there by now."""
        self.check_weights()
        super().init_weights()

    def train(self, mode: bool = True) -> FeatureMaps:
        """Switch mode; a frozen network stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.network.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), normalised, to maps (N, C, h, w)."""
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or pictures.is_cuda:
            return self._maps(pictures)
        # A CPU's caches hold the activations of a few pictures; those of many go through memory.
        return torch.cat([self._maps(part) for part in pictures.split(PICTURES_AT_ONCE)])
