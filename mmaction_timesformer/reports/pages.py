"""What all pages share: their templates' surroundings, and pictures that lie inside the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from PIL import Image

import data_analysis
from data_analysis.report.charts.style import DPI

JPEG_QUALITY = 82


def page_environment() -> Environment:
    """Templates of this folder, which share the look of the data report."""
    shared = Path(data_analysis.__path__[0]) / 'report' / 'templates'
    return Environment(
        loader=FileSystemLoader([Path(__file__).with_name('templates'), shared]),
        autoescape=True,
        undefined=StrictUndefined,
    )


def picture_url(picture: Image.Image, quality: int = JPEG_QUALITY) -> str:
    """A picture as a ``data:`` address."""
    stream = io.BytesIO()
    picture.convert('RGB').save(stream, 'JPEG', quality=quality)
    return f'data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode("ascii")}'


def figure_png(figure: Figure) -> bytes:
    """A chart as a PNG file; the same chart gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=DPI, metadata={'Software': None})
    return stream.getvalue()


def png_url(png: bytes) -> str:
    """A PNG file as a ``data:`` address."""
    return f'data:image/png;base64,{base64.b64encode(png).decode("ascii")}'
