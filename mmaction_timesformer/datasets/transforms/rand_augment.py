"""RandAugment (arXiv 1909.13719) of clips: the same operations on all frames.

mmaction2 has it by way of pytorchvideo and torchvision alone; this one needs Pillow.
"""

from collections.abc import Callable

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, ImageEnhance, ImageOps

from mmaction_timesformer.registry import TRANSFORMS

GREY = (128, 128, 128)
"""Colour of pixels from beyond the picture's edges."""

Operation = Callable[[Image.Image, float], Image.Image]


def _move(shear: float = 0.0, shift: float = 0.0, vertical: bool = False) -> Operation:
    """Shear by up to ``shear``, and shift by up to ``shift`` widths (heights if vertical)."""

    def operate(picture: Image.Image, level: float) -> Image.Image:
        along = (1.0, shear * level, shift * level * picture.width)
        across = (0.0, 1.0, 0.0)
        if vertical:
            along = (1.0, 0.0, 0.0)
            across = (shear * level, 1.0, shift * level * picture.height)
        return picture.transform(
            picture.size,
            Image.Transform.AFFINE,
            (*along, *across),
            resample=Image.Resampling.BILINEAR,
            fillcolor=GREY,
        )

    return operate


def _enhance(enhancer: Callable) -> Operation:
    """Weaken or strengthen a property, from a tenth to nearly twice of it."""
    return lambda picture, level: enhancer(picture).enhance(1 + 0.9 * level)


def _rotate(picture: Image.Image, level: float) -> Image.Image:
    return picture.rotate(30 * level, resample=Image.Resampling.BILINEAR, fillcolor=GREY)


# A level lies in [-1, 1]; operations that know one direction take its size.
OPERATIONS: dict[str, Operation] = {
    'identity': lambda picture, level: picture,
    'auto_contrast': lambda picture, level: ImageOps.autocontrast(picture),
    'equalize': lambda picture, level: ImageOps.equalize(picture),
    'posterize': lambda picture, level: ImageOps.posterize(picture, 8 - round(4 * abs(level))),
    'solarize': lambda picture, level: ImageOps.solarize(picture, round(256 * (1 - abs(level)))),
    'color': _enhance(ImageEnhance.Color),
    'contrast': _enhance(ImageEnhance.Contrast),
    'brightness': _enhance(ImageEnhance.Brightness),
    'sharpness': _enhance(ImageEnhance.Sharpness),
    'rotate': _rotate,
    'shear_x': _move(shear=0.3),
    'shear_y': _move(shear=0.3, vertical=True),
    'translate_x': _move(shift=0.45),
    'translate_y': _move(shift=0.45, vertical=True),
}


@TRANSFORMS.register_module()
class RandAugment(BaseTransform):
    """Apply a few random operations of about the same strength to a clip.

    Required and modified key: ``imgs``, a list of (H, W, 3) uint8 RGB arrays of one clip.

    Args:
        num_ops: How many operations, drawn with replacement.
        magnitude: Their strength, 0 to 10. VideoMAE fine-tunes with 7 and four operations.
        magnitude_std: Standard deviation of the strength from one operation to the next.
        operations: Names of those to draw from; by default all of the paper's 14.

    Raises:
        ValueError: An argument is out of range or names no operation.
    """

    def __init__(
        self,
        num_ops: int = 4,
        magnitude: float = 7.0,
        magnitude_std: float = 0.5,
        operations: tuple[str, ...] = tuple(OPERATIONS),
    ) -> None:
        if num_ops < 1 or not 0 <= magnitude <= 10 or magnitude_std < 0:
            raise ValueError(
                f'num_ops={num_ops}, magnitude={magnitude}, magnitude_std={magnitude_std}: they '
                'must be at least 1, in 0..10 and at least 0'
            )
        unknown = sorted(set(operations) - set(OPERATIONS))
        if unknown or not operations:
            raise ValueError(f'operations {unknown} are unknown; choose from {list(OPERATIONS)}')
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.magnitude_std = magnitude_std
        self.operations = tuple(operations)

    def transform(self, results: dict) -> dict:
        """Change the pictures."""
        pictures = [Image.fromarray(np.asarray(picture)) for picture in results['imgs']]
        for name, level in self._draw():
            pictures = [OPERATIONS[name](picture, level) for picture in pictures]
        results['imgs'] = [np.array(picture) for picture in pictures]
        return results

    def _draw(self) -> list[tuple[str, float]]:
        """Names and levels of this clip's operations."""
        names = np.random.choice(self.operations, self.num_ops)
        strengths = np.random.normal(self.magnitude, self.magnitude_std, self.num_ops)
        signs = np.random.choice((-1, 1), self.num_ops)
        levels = signs * strengths.clip(0, 10) / 10
        return list(zip(names.tolist(), levels.tolist(), strict=True))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, '
            f'magnitude_std={self.magnitude_std}, operations={self.operations})'
        )
