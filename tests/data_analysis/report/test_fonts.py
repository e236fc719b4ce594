"""Names in scripts that the built-in fonts lack, with a font that is made here."""

import io
import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image

from data_analysis.report.charts import fonts


@pytest.fixture
def square_font(tmp_path, monkeypatch):
    """A machine whose only extra font draws one character, a full square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for place in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(place)
    pen.closePath()
    glyphs = {'.notdef': TTGlyphPen(None).glyph(), 'square': pen.glyph()}
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord('战'): 'square'})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({'familyName': 'Square', 'styleName': 'Regular'})
    builder.setupOS2()
    builder.setupPost()
    file = tmp_path / 'square.ttf'
    builder.save(file)
    pretend(monkeypatch, [str(file)])
    yield file
    fonts.fonts_with.cache_clear()


def pretend(monkeypatch, files):
    monkeypatch.setattr(font_manager, 'findSystemFonts', lambda: files)
    fonts.fonts_with.cache_clear()
    fonts._warn_of.cache_clear()


def ink(text):
    """Share of dark pixels in the middle of a chart of one large character."""
    figure = Figure(figsize=(1, 1))
    figure.text(0.5, 0.5, text, fontsize=48, ha='center', va='center')
    picture = np.asarray(Image.open(io.BytesIO(fonts.chart_png(figure))).convert('L'))
    return (picture[80:120, 80:120] < 128).mean()


def test_a_character_comes_from_an_installed_font(square_font):
    assert fonts.fonts_with('战斗') == (str(square_font),)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert ink('战') == 1.0
        assert fonts.pillow_font(20, ['战']).getbbox('战') == (0, 0, 20, 20)


def test_without_such_a_font_the_package_is_named(monkeypatch):
    pretend(monkeypatch, [])
    with pytest.warns(UserWarning, match='no installed font has 战.*fonts-noto-cjk'):
        assert ink('战') < 1.0
    with pytest.warns(UserWarning, match='no installed font has 斗'):
        fonts.pillow_font(20, ['斗'])


def test_latin_greek_and_cyrillic_need_nothing(monkeypatch):
    pretend(monkeypatch, [])
    assert fonts.missing_characters(['Überweg', 'поезд', 'τρένο']) == ''
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        ink('ж')
        assert fonts.pillow_font(20, ['поезд']).getlength('п') > 5
