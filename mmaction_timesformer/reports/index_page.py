"""``index.html``: the one page that leads to all others of a work folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data_analysis.report.html import link_to, picture_url, write_page

PICTURE_SIZE = (720, 300)


@dataclass(frozen=True)
class IndexEntry:
    """A page to open.

    Attributes:
        title: Its name.
        text: What is seen there, in a sentence.
        page: The file.
        picture: A picture of it, which is put into the index; None for none.
    """

    title: str
    text: str
    page: Path
    picture: Path | None = None


def write_index(
    out: Path,
    title: str,
    intro: str,
    entries: Sequence[IndexEntry],
    figures: Mapping[str, str] | None = None,
    footer: str = '',
) -> None:
    """Write the index; its links are relative, so that the folder can be moved as a whole.

    Args:
        out: The file to write.
        title: Headline.
        intro: A sentence below.
        entries: The pages, in the order in which to read them.
        figures: Numbers that lead the page, by name.
        footer: The last line.

    Raises:
        FileNotFoundError: A page is not there.
    """
    for entry in entries:
        if not entry.page.is_file():
            raise FileNotFoundError(f'{entry.page}: no such page; the index would link to nothing')
    write_page(
        out,
        Path(__file__).with_name('templates') / 'index.html.j2',
        title=title,
        intro=intro,
        figures=figures or {},
        entries=[_shown(entry, out.parent) for entry in entries],
        footer=footer,
    )


def _shown(entry: IndexEntry, folder: Path) -> dict[str, str | None]:
    return {
        'title': entry.title,
        'text': entry.text,
        'link': link_to(entry.page, folder),
        'picture': _picture(entry.picture) if entry.picture else None,
    }


def _picture(file: Path) -> str:
    with Image.open(file) as picture:
        small = picture.convert('RGB')
        small.thumbnail(PICTURE_SIZE)
        return picture_url(small)
