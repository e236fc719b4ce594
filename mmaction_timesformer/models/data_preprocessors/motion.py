"""Motion before a fixed camera, in place of colours (background subtraction).

A model that starts from nothing has to find out first that the background says nothing. Where the
camera is fixed, the median of a pixel over the clip is its background, and can be taken away.

Legend: B clips, N views of a clip, T frames, H, W pixels.
"""

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.utils import SampleList
from torch import Tensor

from mmaction_timesformer.models.data_preprocessors.backgrounds import median_frame
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class MotionDataPreprocessor(ActionDataPreprocessor):
    """Turn RGB clips into three channels: warm colours, foreground and change.

    With r and g for red and green: r - g, in which safety clothing and machines stand out and
    grounds do not; r - the median of r over the clip, which shows what does not stay where it is;
    r - r one frame before, which shows which way it goes. All are multiplied by `gain` and divided
    by `scale`. Pipelines stay as they are, and so does the backbone.

    Args:
        center: Difference of red and green that becomes 0 in the first channel.
        scale: Levels that become 1, after the gain.
        gain: Factor of all channels.
        to_rgb: As in mmaction2.
        blending: As in mmaction2.
        format_shape: `NCTHW` alone, since a single picture has no motion.

    Raises:
        ValueError: `format_shape` is another one, or `scale` is not positive.
    """

    def __init__(
        self,
        center: float = 20.0,
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
        red, green = (clips.narrow(-4, colour, 1).float() for colour in (0, 1))
        background = median_frame(clips.narrow(-4, 0, 1)).float()
        # Written where it belongs: fresh memory for each difference costs more than the difference.
        motion = red.new_empty(clips.shape)
        warmth, foreground, change = motion.split(1, dim=-4)
        torch.sub(red, green, out=warmth).sub_(self.center)
        torch.sub(red, background, out=foreground)
        change[..., :1, :, :] = 0
        torch.sub(red[..., 1:, :, :], red[..., :-1, :, :], out=change[..., 1:, :, :])
        return motion.mul_(self.gain / self.scale)
