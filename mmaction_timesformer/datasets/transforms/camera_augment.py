"""Clips as another camera might have taken them: view, colour, optics, compression, weather, night.

Whatever is drawn holds for the whole clip, except where the thing itself moves: noise and rain.

Legend: H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmaction_timesformer.registry import TRANSFORMS

Pictures = list[np.ndarray]
"""(H, W, 3) uint8, RGB."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _view(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Turn by up to 8 degrees, and cut out half to all of the picture, a little distorted."""
    height, width = pictures[0].shape[:2]
    area, aspect = rng.uniform(0.5, 1.0), np.exp(rng.uniform(-0.25, 0.25))
    rows = min(height, max(1, round(height * np.sqrt(area / aspect))))
    columns = min(width, max(1, round(width * np.sqrt(area * aspect))))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-8, 8), 1)
    return [
        cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)[
            top : top + rows, left : left + columns
        ]
        for picture in pictures
    ]


def _perspective(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Move the corners of the picture by up to a fifth of its sides, as from another place."""
    height, width = pictures[0].shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + (rng.uniform(-0.2, 0.2, (4, 2)) * [width, height]).astype(np.float32)
    warp = cv2.getPerspectiveTransform(corners, moved)
    return [
        cv2.warpPerspective(picture, warp, (width, height), borderMode=cv2.BORDER_REFLECT)
        for picture in pictures
    ]


def _colour(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Change gamma, white balance, saturation (to grey), brightness and contrast."""
    gamma = np.exp(rng.uniform(-0.4, 0.4))
    gains = rng.uniform(0.85, 1.15, 3).astype(np.float32)
    saturation = rng.uniform(0, 1.5)
    brightness, contrast = rng.uniform(0.6, 1.4, 2)

    def change(picture: np.ndarray) -> np.ndarray:
        x = (picture.astype(np.float32) / 255) ** gamma * gains
        grey = x @ LUMA
        x = grey[..., None] + (x - grey[..., None]) * saturation
        level = grey.mean() * brightness
        return ((x * brightness - level) * contrast + level) * 255

    return [_bytes(change(picture)) for picture in pictures]


def _optics(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Lose resolution and focus, and add a sensor's noise."""
    height, width = pictures[0].shape[:2]
    scale, focus, noise = rng.uniform(0.4, 1.0), rng.uniform(0.3, 1.5), rng.uniform(0, 8)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    changed = []
    for picture in pictures:
        coarse = cv2.resize(cv2.resize(picture, small), (width, height)).astype(np.float32)
        blurred = cv2.GaussianBlur(coarse, (0, 0), focus)
        changed.append(_bytes(blurred + rng.normal(0, noise, blurred.shape)))
    return changed


def _compression(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Compress as JPEG of quality 10 to 60."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 61))]
    return [
        np.asarray(cv2.imdecode(cv2.imencode('.jpg', picture, quality)[1], cv2.IMREAD_COLOR))
        for picture in pictures
    ]


def _night(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Darken to a tenth to a half, lose most colour, and add the noise of high gain."""
    light, colour, noise = rng.uniform(0.1, 0.5), rng.uniform(0, 0.4), rng.uniform(2, 10)
    changed = []
    for picture in pictures:
        x: np.ndarray = picture.astype(np.float32)
        grey = (x @ LUMA)[..., None]
        x = (grey + (x - grey) * colour) * light
        changed.append(_bytes(x + rng.normal(0, noise, x.shape)))
    return changed


def _rain(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Draw slanted streaks, new ones in each frame, over a picture of less contrast."""
    height, width = pictures[0].shape[:2]
    count, slant = int(rng.integers(80, 300)), rng.uniform(-0.3, 0.3)
    length = height * rng.uniform(0.04, 0.1)
    changed = []
    for picture in pictures:
        streaks = np.zeros((height, width), np.float32)
        for x, y in rng.uniform((0, 0), (width, height), (count, 2)):
            end = (round(x + slant * length), round(y + length))
            cv2.line(streaks, (round(x), round(y)), end, 1.0, 1)
        streaks = cv2.GaussianBlur(streaks, (0, 0), 0.7)[..., None] * 90
        changed.append(_bytes(picture * 0.85 + 25 + streaks))
    return changed


def _fourier(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Scale the amplitudes of low frequencies at random (arXiv 2004.05498, without a second)."""
    height, width = pictures[0].shape[:2]
    rows, columns = max(1, height // 50), max(1, width // 50)
    gain = np.ones((height, width // 2 + 1, 3), np.float32)
    drawn = np.exp(rng.uniform(-0.5, 0.5, (2 * rows + 1, columns + 1, 3)))
    gain[: rows + 1, : columns + 1] = drawn[rows:]
    gain[-rows:, : columns + 1] = drawn[:rows]
    return [
        _bytes(np.fft.irfft2(np.fft.rfft2(picture, axes=(0, 1)) * gain, (height, width), (0, 1)))
        for picture in pictures
    ]


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).round().astype(np.uint8)


OPERATIONS: dict[str, Callable[[Pictures, np.random.Generator], Pictures]] = {
    'perspective': _perspective,
    'view': _view,
    'colour': _colour,
    'fourier': _fourier,
    'optics': _optics,
    'night': _night,
    'rain': _rain,
    'compression': _compression,
}
"""In the order in which they happen."""

PROBABILITIES = {'view': 1.0, 'colour': 1.0, 'optics': 0.4}
"""Those that help on cameras that training has not seen (docs/cameras.md)."""


@TRANSFORMS.register_module()
class CameraAugment(BaseTransform):
    """Change a clip as another camera, another light or another weather would.

    Required and modified key: ``imgs``, a list of (H, W, 3) uint8 RGB arrays of one clip. Modified
    keys: ``img_shape``; with several views ``num_clips``.

    Args:
        probabilities: How often each operation happens: ``perspective`` (from another place),
            ``view`` (turned and cut out), ``colour``,
            ``fourier`` (amplitudes of low frequencies), ``optics`` (blur and noise), ``night``,
            ``rain``, ``compression``.
        share: How many clips are changed at all; the others stay as they are.
        views: Views of the clip, each changed by itself, for a head with ``agreement``.

    Raises:
        ValueError: An unknown operation, or a number that is not a probability.
    """

    def __init__(
        self,
        probabilities: Mapping[str, float] = PROBABILITIES,
        share: float = 1.0,
        views: int = 1,
    ) -> None:
        unknown = sorted(set(probabilities) - set(OPERATIONS))
        if unknown:
            raise ValueError(f'operations {unknown} are unknown; choose from {list(OPERATIONS)}')
        if any(not 0 <= chance <= 1 for chance in (*probabilities.values(), share)):
            raise ValueError(
                f'probabilities={dict(probabilities)}, share={share}: they must be in 0..1'
            )
        self.probabilities = dict(probabilities)
        self.share = share
        if views < 1:
            raise ValueError(f'views={views} must be at least 1')
        self.views = views

    def transform(self, results: dict) -> dict:
        """Change the pictures."""
        # Seeded from NumPy's global generator, which mmengine seeds in each worker.
        rng = np.random.default_rng(np.random.randint(2**31))
        pictures = [np.asarray(picture) for picture in results['imgs']]
        views = [self._change(pictures, rng) for _ in range(self.views)]
        results['imgs'] = [picture for view in views for picture in view]
        results['img_shape'] = results['imgs'][0].shape[:2]
        if self.views > 1:
            results['num_clips'] = self.views * results.get('num_clips', 1)
        return results

    def _change(self, pictures: Pictures, rng: np.random.Generator) -> Pictures:
        if rng.random() >= self.share:
            return pictures
        for name, operate in OPERATIONS.items():
            if rng.random() < self.probabilities.get(name, 0.0):
                pictures = operate(pictures, rng)
        return pictures

    def __repr__(self) -> str:
        return f'{type(self).__name__}(probabilities={self.probabilities}, share={self.share})'
