import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data_analysis.checks.problem_codes import PROBLEM_CODES
from data_analysis.report.charts import FIGURES, draw_figures
from data_analysis.report.page import write_report
from data_analysis.summary.compare import Change
from data_analysis.summary.strips import DecodedStrip
from tests.data_analysis.clip_tables import clips_of
from tests.data_analysis.summaries import summary_of, varied_clips

ONE_PIXEL = 'QUJD'


class Page(HTMLParser):
    """Collects what a page refers to and how its tables are made."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tables = 0
        self.sortable = 0
        self.headings: list[dict[str, str | None]] = []
        self.buttons_in_headings = 0
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.references += [
            value or '' for key, value in attributes if key in ('src', 'href', 'action', 'data')
        ]
        if tag == 'table':
            self.tables += 1
            self.sortable += given.get('class') == 'sortable'
        if tag == 'th':
            self.headings.append(given)
        self.buttons_in_headings += tag == 'button' and self.stack[-1:] == ['th']
        if tag not in ('meta', 'img', 'link', 'br'):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.fixture(scope='module')
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp('report')
    summary = summary_of()
    strips = [
        DecodedStrip(strip, (ONE_PIXEL,) * len(strip['frames']), (150, 112))
        for strip in summary['strips']
    ]
    strips[-1] = DecodedStrip(summary['strips'][-1], reason='the file is gone')
    changes = [Change('set', 'clips', '59', '60')]
    write_report(
        summary, draw_figures(summary, folder / 'figures'), strips, changes, folder / 'report.html'
    )
    return (folder / 'report.html').read_text(encoding='utf-8')


def test_nothing_outside_of_the_page_is_needed(page: str) -> None:
    found = Page(page).references
    assert found
    assert all(reference.startswith(('data:', '#')) for reference in found)
    assert not re.search(r'url\(|@import|//[a-z0-9.-]+\.[a-z]{2,}|fetch\(|XMLHttp', page)
    assert "default-src 'none'" in page


def test_anchors_exist(page: str) -> None:
    anchors = {reference[1:] for reference in Page(page).references if reference[0] == '#'}
    assert anchors
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_tables_can_be_sorted(page: str) -> None:
    parsed = Page(page)
    assert parsed.tables == parsed.sortable >= 8
    assert all(heading.get('aria-sort') == 'none' for heading in parsed.headings)
    assert parsed.buttons_in_headings == len(parsed.headings)
    assert "querySelectorAll('table.sortable')" in page
    assert re.search(r'<td class="number" data-value="[\d.]+">', page)


def test_each_figure_has_its_sentence(page: str) -> None:
    for kind in FIGURES:
        block = re.search(rf'id="{kind.name}">(.*?)</figure>', page, re.DOTALL)
        assert block, kind.name
        caption = re.search(r'<figcaption>(.+?)</figcaption>', block[1], re.DOTALL)
        assert caption, kind.name
        assert caption[1].rstrip().endswith('.')


def test_findings_come_with_advice_and_frames(page: str) -> None:
    assert PROBLEM_CODES['recording_in_two_splits'].title in page
    assert 'errors of' in page
    assert page.index('class="finding error"') < page.index('class="finding warning"')
    assert 'data:image/jpeg;base64,QUJD' in page
    assert 'No picture: the file is gone' in page


def test_frames_that_go_back_in_time_are_marked(tmp_path: Path) -> None:
    summary = summary_of()
    strip = {**summary['strips'][0], 'frames': [0, 32, 4, 36], 'start_frame': 0}
    decoded = DecodedStrip(strip, (ONE_PIXEL,) * 4, (150, 112))
    write_report(summary, [], [decoded], None, tmp_path / 'report.html')
    text = (tmp_path / 'report.html').read_text()
    assert re.findall(r'class="frame( back)?"', text) == ['', '', ' back', '']


def test_it_says_how_many_classes_it_shows(page: str, tmp_path: Path) -> None:
    assert 'A clip of median length of each class' in page
    classes = tuple(f'class {number:02}' for number in range(30))
    summary = summary_of(clips_of({'path': name, 'label': name} for name in classes), classes)
    assert len(summary['strips']) == 24
    strips = [DecodedStrip(strip) for strip in summary['strips']]
    write_report(summary, [], strips, None, tmp_path / 'report.html')
    assert 'of the first 24 of 30 classes' in (tmp_path / 'report.html').read_text()


def test_changes_are_shown(page: str) -> None:
    assert 'Since last time' in page
    assert re.search(r'>clips</td><td class="text">59</td><td class="text">60<', page)


def test_names_are_escaped(tmp_path: Path) -> None:
    clips = varied_clips()
    clips.loc[4, 'path'] = '<img src=x onerror=alert(1)>.mp4'
    clips['label'] = clips['label'].replace('a', '<b>&')
    summary = summary_of(clips, ('<b>&', 'b'))
    write_report(summary, [], [], None, tmp_path / 'report.html')
    text = (tmp_path / 'report.html').read_text()
    assert '<img src=x' not in text
    assert '<b>&' not in text
    assert '&lt;b&gt;&amp;' in text


def test_a_clean_set_is_called_clean(tmp_path: Path) -> None:
    summary = summary_of()
    summary['problems'] = {'total': 0, 'by_severity': {}, 'by_code': [], 'examples': []}
    write_report(summary, [], [], [], tmp_path / 'report.html')
    text = (tmp_path / 'report.html').read_text()
    assert 'Neither errors nor warnings.' in text
    assert 'Nothing was found.' in text
    assert 'Nothing changed' in text
