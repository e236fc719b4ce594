"""Fonts for names in any script: matplotlib's own has Latin, Greek and Cyrillic letters alone.

Fonts of the machine serve for what it lacks. Where none has a character, charts show a box, and a
warning names the package to install.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from PIL import Image, ImageFont

DPI = 200
_OWN = 'DejaVu Sans'
_ADVICE = (
    'install a font with them, for Chinese, Japanese and Korean the package fonts-noto-cjk '
    '(Debian, Ubuntu) or google-noto-sans-cjk-fonts (Fedora)'
)

PillowFont = ImageFont.FreeTypeFont | ImageFont.ImageFont


def missing_characters(texts: Iterable[str]) -> str:
    """The characters that the built-in font has no picture of, sorted."""
    known = _characters_of(font_manager.findfont(_OWN))
    return ''.join(sorted({c for text in texts for c in text if ord(c) > 127} - known))


@lru_cache(maxsize=64)
def fonts_with(characters: str) -> tuple[str, ...]:
    """Files of installed fonts that together have most of these characters, as few as possible."""
    wanted, files = set(characters), []
    candidates = sorted(font_manager.findSystemFonts(), key=lambda file: (_is_odd(file), file))
    while wanted:
        best = max(candidates, key=lambda file: len(wanted & _characters_of(file)), default=None)
        if best is None or not wanted & _characters_of(best):
            break
        files.append(best)
        wanted -= _characters_of(best)
    return tuple(files)


def chart_png(figure: Figure) -> bytes:
    """A figure as a PNG file, its texts in fonts that have their characters."""
    png, lacks_glyphs = _render(figure)
    if lacks_glyphs:
        texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
        lacking = missing_characters(text.get_text() for text in texts)
        families = [_OWN, *map(_family_of, fonts_with(lacking))]
        for text in texts:
            text.set_fontfamily(families)
        png, _ = _render(figure)
        _warn_of(lacking)
    return png


def _render(figure: Figure) -> tuple[bytes, bool]:
    """A PNG file, and whether a font lacked a character."""
    stream = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        # `savefig` arranges and draws a figure twice.
        figure.set_dpi(DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba()))
        picture.save(stream, format='png', dpi=(DPI, DPI))
    lacks = [warning for warning in caught if 'missing from' in str(warning.message)]
    for warning in caught:
        if warning not in lacks:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return stream.getvalue(), bool(lacks)


def pillow_font(size: float, texts: Iterable[str] = ()) -> PillowFont:
    """Pillow's built-in font, or one of the machine's that has the characters of these texts."""
    texts = tuple(texts)
    if all(ord(c) < 256 for text in texts for c in text):
        return ImageFont.load_default(size)
    lacking = missing_characters(texts)
    files = fonts_with(lacking) if lacking else ()
    _warn_of(lacking)
    return ImageFont.truetype(files[0] if files else font_manager.findfont(_OWN), size)


@lru_cache(maxsize=512)
def _characters_of(file: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()  # a bitmap font, or a damaged one


@lru_cache(maxsize=64)
def _family_of(file: str) -> str:
    font_manager.fontManager.addfont(file)
    return FT2Font(file).family_name


def _is_odd(file: str) -> bool:
    """Whether a file's name reads as bold, slanted, narrow, serif or of fixed width."""
    name = Path(file).stem.lower()
    return any(word in name for word in ('bold', 'italic', 'oblique', 'mono', 'serif', 'light'))


@lru_cache(maxsize=64)
def _warn_of(lacking: str) -> None:
    """Warn once of characters that no installed font has."""
    found = frozenset().union(*map(_characters_of, fonts_with(lacking)))
    boxes = ''.join(c for c in lacking if c not in found)
    if boxes:
        shown = ascii(boxes[:5])[1:-1]
        warnings.warn(f'no installed font has {boxes[:5]} ({shown}): {_ADVICE}', stacklevel=3)
