"""Maps drawn over video frames.

Legend: F pictures, T frames of a clip, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

COLORMAP = 'inferno'
STRONGEST = 0.75
"""Opacity of the largest value."""
UNSEEN = 0.35
"""Brightness of what no view of the model shows."""
INK, PAPER = (31, 41, 51), (255, 255, 255)
BAR = (224, 137, 58)


def overlay(picture: np.ndarray, map_: np.ndarray, largest: float) -> np.ndarray:
    """Lay a map over a picture; strong values glow, zero leaves the picture as it is.

    Args:
        picture: (H, W, 3) uint8 RGB.
        map_: (H, W); NaN where the model did not look, which is darkened.
        largest: Value that glows fully.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    seen = np.isfinite(map_)
    strength = np.clip(np.nan_to_num(map_) / max(largest, np.finfo(float).tiny), 0, 1)
    colours = colormaps[COLORMAP](0.25 + 0.75 * strength)[..., :3] * 255
    opacity = (STRONGEST * strength**0.75)[..., None]
    blended = picture * (1 - opacity) + colours * opacity
    blended[~seen] = picture[~seen] * UNSEEN
    return blended.round().astype(np.uint8)


def largest_value(maps: Sequence[np.ndarray]) -> float:
    """A common scale for the maps of a clip: the top thousandth does not set it alone."""
    values = np.concatenate([map_[np.isfinite(map_)] for map_ in maps])
    return float(np.quantile(values, 0.999)) if len(values) else 0.0


def strip(
    pictures: Sequence[np.ndarray],
    overlays: Sequence[np.ndarray],
    captions: Sequence[str],
    importance: Sequence[float],
    title: str = '',
    height: int = 120,
    most_columns: int = 8,
) -> Image.Image:
    """Frames in a row, as they are and with their maps, each with its share as a bar below.

    Args:
        pictures: F of (H, W, 3).
        overlays: F of (H, W, 3).
        captions: F lines.
        importance: F shares.
        title: A line above.
        height: Of a picture in the strip.
        most_columns: More frames go into further rows.
    """
    shape = pictures[0].shape
    width = max(1, round(height * shape[1] / shape[0]))
    gap, line = 6, 18
    columns = min(len(pictures), most_columns)
    rows = -(-len(pictures) // columns)
    block = 2 * height + gap // 2 + 2 * line + 8
    top = line + 8 if title else 0
    sheet = Image.new(
        'RGB', (columns * (width + gap) + gap, top + rows * (block + gap) + gap), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    if title:
        draw.text((gap, 5), title, fill=INK, font=ImageFont.load_default(15))
    most = max([*importance, np.finfo(float).tiny])
    for number, (plain, drawn) in enumerate(zip(pictures, overlays, strict=True)):
        x = gap + number % columns * (width + gap)
        y = top + gap + number // columns * (block + gap)
        for picture, offset in ((plain, 0), (drawn, height + gap // 2)):
            small = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (x, y + offset))
        below = y + 2 * height + gap // 2 + 4
        share = importance[number] / most
        draw.rectangle((x, below, x + max(round((width - 1) * share), 1), below + 6), fill=BAR)
        draw.text((x, below + 9), captions[number], fill=INK, font=font)
        draw.text(
            (x + width, below + 9), f'{importance[number]:.0%}', fill=INK, font=font, anchor='ra'
        )
    return sheet


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
    font = ImageFont.load_default(size)
    *_, right, bottom = draw.textbbox((size // 2, size // 3), text, font=font)
    draw.rectangle((0, 0, right + size // 2, bottom + size // 2), fill=(0, 0, 0, 140))
    draw.text((size // 2, size // 3), text, fill=PAPER, font=font)
    foot = max(3, image.height // 80)
    draw.rectangle((0, image.height - foot, image.width, image.height), fill=(0, 0, 0, 140))
    end = round(image.width * min(max(position, 0), 1))
    draw.rectangle((0, image.height - foot, end, image.height), fill=BAR)
    return np.asarray(image)
