"""Maps drawn over video frames.

Legend: F pictures, T frames of a clip, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw

from data_analysis.report.charts.fonts import pillow_font

COLORMAP = 'inferno'
STRONGEST = 0.75
"""Opacity of the largest value."""
UNSEEN = 0.35
"""Brightness of what no view of the model shows."""
INK, PAPER = (31, 41, 51), (255, 255, 255)
BAR = (224, 137, 58)
HEIGHT, MOST_COLUMNS = 120, 8
"""Of a picture in a strip, and of pictures in a row; more go into further rows."""


def overlay(picture: np.ndarray, map_: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Lay a map over a picture; strong values glow.

    Args:
        picture: (H, W, 3) uint8 RGB.
        map_: (H, W); NaN where the model did not look, which is darkened.
        scale: Values from which on it glows, and at which it glows fully.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    seen = np.isfinite(map_)
    low, high = scale
    strength = (np.nan_to_num(map_, nan=low) - low) / max(high - low, np.finfo(float).tiny)
    strength = strength.clip(0, 1)
    colours = colormaps[COLORMAP](0.25 + 0.75 * strength)[..., :3] * 255
    opacity = (STRONGEST * strength**0.75)[..., None]
    blended = picture * (1 - opacity) + colours * opacity
    blended[~seen] = picture[~seen] * UNSEEN
    return blended.round().astype(np.uint8)


def common_scale(maps: Sequence[np.ndarray]) -> tuple[float, float]:
    """One scale for all maps of a clip: from their median to their top thousandth.

    Half of the pixels stay as they are, and single pixels do not set the scale.
    """
    values = np.concatenate([map_[np.isfinite(map_)] for map_ in maps])
    low, high = np.quantile(values, [0.5, 0.999]) if len(values) else (0.0, 0.0)
    return float(low), float(high)


def strip(
    pictures: Sequence[np.ndarray],
    overlays: Sequence[np.ndarray] | None,
    captions: Sequence[str],
    importance: Sequence[float] | None,
    title: str = '',
) -> Image.Image:
    """Frames in a row, as they are and with their maps, each with its share as a bar below.

    Args:
        pictures: F of (H, W, 3).
        overlays: F of (H, W, 3); None leaves the second row out.
        captions: F lines.
        importance: F shares; None leaves the bars out.
        title: A line above.
    """
    shape = pictures[0].shape
    height, width = HEIGHT, max(1, round(HEIGHT * shape[1] / shape[0]))
    gap, line, num_rows = 6, 18, 1 if overlays is None else 2
    columns = min(len(pictures), MOST_COLUMNS)
    blocks = -(-len(pictures) // columns)
    block = num_rows * (height + gap // 2) + 2 * line + 8
    top = line + 8 if title else 0
    sheet = Image.new(
        'RGB', (columns * (width + gap) + gap, top + blocks * (block + gap) + gap), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((gap, 5), title, fill=INK, font=pillow_font(15, [title]))
    for number, plain in enumerate(pictures):
        x = gap + number % columns * (width + gap)
        y = top + gap + number // columns * (block + gap)
        for picture in (plain,) if overlays is None else (plain, overlays[number]):
            small = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (x, y))
            y += height + gap // 2
        share = None if importance is None else importance[number]
        largest = max(importance, default=0) if importance is not None else 0
        _draw_foot(draw, (x, y), width, captions[number], share, largest)
    return sheet


def _draw_foot(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    width: int,
    caption: str,
    share: float | None,
    largest: float,
) -> None:
    """A caption below a picture, and its share as a bar and a number."""
    x, y = place
    font = pillow_font(13, [caption])
    draw.text((x, y + 10), caption, fill=INK, font=font)
    if share is not None:
        length = max(round((width - 1) * share / max(largest, np.finfo(float).tiny)), 1)
        draw.rectangle((x, y + 1, x + length, y + 7), fill=BAR)
        draw.text((x + width, y + 10), f'{share:.0%}', fill=INK, font=font, anchor='ra')


def label_frame(picture: np.ndarray, text: str, position: float) -> np.ndarray:
    """Write a line into a frame's corner and show the time as a bar along its foot.

    Args:
        picture: (H, W, 3).
        text: The line.
        position: Share of the clip that has passed.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, 'RGBA')
    size = max(11, image.height // 20)
    font = pillow_font(size, [text])
    *_, right, bottom = draw.textbbox((size // 2, size // 3), text, font=font)
    draw.rectangle((0, 0, right + size // 2, bottom + size // 2), fill=(0, 0, 0, 140))
    draw.text((size // 2, size // 3), text, fill=PAPER, font=font)
    foot = max(3, image.height // 80)
    draw.rectangle((0, image.height - foot, image.width, image.height), fill=(0, 0, 0, 140))
    end = round(image.width * min(max(position, 0), 1))
    draw.rectangle((0, image.height - foot, end, image.height), fill=BAR)
    return np.asarray(image)
