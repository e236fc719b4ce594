"""What moves before a fixed camera, in place of colours (background subtraction).

A model that starts from nothing has to find out first that the background says nothing. Where the
camera is fixed, the median of a pixel over the clip is its background, and can be taken away.

Legend: B clips, N views of a clip, T frames, H, W pixels.
"""

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.utils import SampleList
from torch import Tensor

from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class MotionDataPreprocessor(ActionDataPreprocessor):
    """Turn colour clips into three channels: picture, foreground and change.

    The channels are grey levels g, then 2 (g - median over the clip of g), which shows what does
    not stay where it is, then 2 (g - g one frame before), which shows which way it goes. All are
    divided by `scale`. Pipelines stay as they are, and so does the backbone.

    Args:
        center: Grey level that becomes 0 in the first channel.
        scale: Grey levels that become 1.
        gain: How much foreground and change count more than grey levels do.
        to_rgb: As in mmaction2; grey levels are the plain mean of the channels, in any order.
        blending: As in mmaction2.
        format_shape: `NCTHW` alone, since a single picture has no motion.

    Raises:
        ValueError: `format_shape` is another one, or `scale` is not positive.
    """

    def __init__(
        self,
        center: float = 114.75,
        scale: float = 57.375,
        gain: float = 2.0,
        to_rgb: bool = False,
        blending: dict | None = None,
        format_shape: str = 'NCTHW',
    ) -> None:
        if format_shape != 'NCTHW':
            raise ValueError(
                f'format_shape={format_shape!r}: motion needs frames over time, give NCTHW'
            )
        if scale <= 0:
            raise ValueError(f'scale must be positive, got {scale}')
        super().__init__(to_rgb=to_rgb, blending=blending, format_shape=format_shape)
        self.center = center
        self.scale = scale
        self.gain = gain

    def preprocess(
        self, inputs: list[Tensor], data_samples: SampleList, training: bool = False
    ) -> tuple[Tensor, SampleList]:
        """Stack clips (N, 3, T, H, W) of one size and show their motion, (B, N, 3, T, H, W)."""
        batch = torch.stack(list(inputs))
        batch = self.motion(batch)
        if training and self.blending is not None:
            batch, data_samples = self.blending(batch, data_samples)
        return batch, data_samples

    def motion(self, clips: Tensor) -> Tensor:
        """Colour clips (..., 3, T, H, W), 0..255, to motion clips of the same shape."""
        grey = clips.float().mean(dim=-4, keepdim=True)
        background = grey.median(dim=-3, keepdim=True).values
        change = torch.zeros_like(grey)
        change[..., 1:, :, :] = grey[..., 1:, :, :] - grey[..., :-1, :, :]
        channels = [grey - self.center, self.gain * (grey - background), self.gain * change]
        return torch.cat(channels, dim=-4) / self.scale
