"""The index links what is there, by ways that hold when the folder is moved."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from mmaction_timesformer.reports.index_page import IndexEntry, write_index


def test_links_lead_to_the_pages_and_nothing_else_is_loaded(tmp_path):
    page = tmp_path / 'my results' / 'report #1.html'
    page.parent.mkdir()
    page.write_text('a page')
    Image.new('RGB', (2000, 100), 'red').save(tmp_path / 'wide.png')
    entries = [IndexEntry('Results <1>', 'How good it is.', page, tmp_path / 'wide.png')]
    write_index(tmp_path / 'index.html', 'All', 'Read on.', entries, {'top-1': '91.7%'}, 'Seed 0.')
    index = (tmp_path / 'index.html').read_text()
    (link,) = re.findall(r'href="([^"]*)"', index)
    assert (tmp_path / unquote(link)).read_text() == 'a page'
    assert not Path(unquote(link)).is_absolute()
    assert [source[:22] for source in re.findall(r'src="([^"]*)"', index)] == [
        'data:image/jpeg;base64'
    ]
    assert 'Results &lt;1&gt;' in index
    assert '91.7%' in index


def test_a_missing_page_is_named_and_no_index_left(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.html: no such page'):
        write_index(tmp_path / 'i.html', '', '', [IndexEntry('x', '', tmp_path / 'gone.html')])
    assert not list(tmp_path.iterdir())
