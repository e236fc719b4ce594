"""Motion before a fixed camera, frame by frame (background subtraction that never looks ahead).

`MotionDataPreprocessor` takes the median over a clip for the background, later frames included. A
stream has its past alone: here the background is the running mean of the frames so far.

Legend: n frames, H, W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmaction_timesformer.registry import MODELS

MotionState = dict[str, Tensor]
"""The background, the frame before, and how many frames there were; it can be saved as it is."""


@MODELS.register_module()
class RunningMotion(nn.Module):
    """Turn RGB frames into three channels: warm colours, foreground and change.

    With r and g for red and green: r - g, in which safety clothing and machines stand out and
    grounds do not; r - its running mean, which shows what does not stay where it is; r - r one
    frame before, which shows which way it goes.

    Args:
        background_frames: Frames after which the past has faded to 1 / e of the background; at
            first it is the mean of all frames.
        center: Difference of red and green that becomes 0 in the first channel.
        scale: Levels that become 1.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(
        self, background_frames: int = 120, center: float = 20.0, scale: float = 28.7
    ) -> None:
        super().__init__()
        if background_frames < 1 or scale <= 0:
            raise ValueError(
                f'background_frames={background_frames} and scale={scale} must be above 0'
            )
        self.background_frames = background_frames
        self.center = center
        self.scale = scale

    def begin(self) -> MotionState:
        """The state before the first frame."""
        return {
            'background': torch.zeros(0),
            'previous': torch.zeros(0),
            'num_frames': torch.zeros((), dtype=torch.long),
        }

    def step(self, frames: Tensor, state: MotionState) -> tuple[Tensor, MotionState]:
        """Take the next frames.

        Args:
            frames: (3, n, H, W), RGB levels 0 to 255.
            state: What the step before returned; it is not changed.

        Returns:
            Motion (3, n, H, W) and the new state.

        Raises:
            ValueError: The frames have another size than those before.
        """
        red, green = frames[0].float(), frames[1].float()
        count = int(state['num_frames'])
        background, previous = (state[name].to(red) for name in ('background', 'previous'))
        if count and background.shape != red.shape[1:]:
            raise ValueError(
                f'frames of {red.shape[1]}x{red.shape[2]} pixels do not continue a stream of '
                f'{background.shape[0]}x{background.shape[1]}'
            )
        if not count:
            background = previous = red[0]
        foreground, change = [], []
        for picture in red:
            count += 1
            background = background + (picture - background) / min(count, self.background_frames)
            foreground.append(picture - background)
            change.append(picture - previous)
            previous = picture
        channels = (red - green - self.center, torch.stack(foreground), torch.stack(change))
        new_state = {
            'background': background,
            'previous': previous.clone(),
            'num_frames': torch.tensor(count),
        }
        return torch.stack(channels) / self.scale, new_state
