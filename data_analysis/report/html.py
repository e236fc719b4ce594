"""HTML toolkit of every page: templates with one look, and pictures inside the page.

A page loads nothing from elsewhere: styles, scripts and pictures are part of it.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from PIL import Image

from data_analysis.report.charts.fonts import chart_png
from video_clips.whole_files import write_atomically

JPEG_QUALITY = 82
_SHARED = Path(__file__).with_name('templates')


def render_page(template: Path, **content: Any) -> str:
    """Render a template.

    Args:
        template: Beside it lie those that it includes; `report.css` and `sort_tables.js` of this
            package are found too.
        content: Values for the template. A missing one is an error.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(template.name).render(**content)


def write_page(file: Path, template: Path, **content: Any) -> None:
    """Render a template into a file that is complete or not there."""
    page = render_page(template, **content)
    with write_atomically(file) as stream:
        stream.write(page)


def link_to(file: Path, folder: Path) -> str:
    """Relative link to a file from a page in a folder."""
    return quote(Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix())


def picture_url(picture: Image.Image, quality: int = JPEG_QUALITY) -> str:
    """A picture as a ``data:`` address."""
    stream = io.BytesIO()
    picture.convert('RGB').save(stream, 'JPEG', quality=quality)
    return f'data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode("ascii")}'


def figure_png(figure: Figure) -> bytes:
    """A chart as a PNG file; the same chart gives the same bytes."""
    return chart_png(figure)


def png_url(png: bytes) -> str:
    """A PNG file as a ``data:`` address."""
    return f'data:image/png;base64,{base64.b64encode(png).decode("ascii")}'
