"""The report: what it links is there, and what it says is what was found."""

import html
import re
from datetime import datetime, timezone
from urllib.parse import unquote

import pytest

from mmaction_timesformer.detection.events.events import DangerEvent, clock
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.finishing import RunOptions
from mmaction_timesformer.detection.results.pages import SourcePage, write_report
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.records import Gap
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.conftest import far_east
from tests.detection.signal_videos import every, make_detector, write_video


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A run with everything, over two recordings one of which is missing."""
    folder = tmp_path_factory.mktemp('run')
    spans = [(4.0, 9.0), (15.0, 18.0)]
    recorded = datetime(2026, 5, 4, 14, 3, tzinfo=timezone.utc)
    path = write_video(folder / 'yard 1.mp4', every(10, 20.0), spans, recorded_at=recorded)
    sources = [Source(str(path), str(path)), Source('gone.mp4', 'gone.mp4')]
    with far_east():
        run(make_detector(), sources, folder / 'out', options=RunOptions(True, True, report=True))
    return folder / 'out'


def test_what_the_report_links_is_there(folder):
    page = (folder / 'report.html').read_text()
    links = re.findall(r'(?:src|href)="([^"#]+)"', page)
    files = {(folder / unquote(html.unescape(link))).resolve() for link in links}
    assert all(file.is_file() for file in files)
    assert {file.suffix for file in files} == {'.mp4', '.jpg'}
    assert len(files) == 1 + 2 * 2
    assert not re.search(r'https?://', page)


def test_the_report_says_what_was_found(folder):
    page = (folder / 'report.html').read_text()
    seeks = [float(seconds) for seconds in re.findall(r'data-seek="([\d.]+)"', page)]
    assert seeks == [3.75, 14.75] * 2
    assert '19:33:03.7+05:30' in page
    assert '>19:33:05<' in page
    assert '14:03:03' not in page
    assert 'no such file' in page
    assert 'Digging 2' in page
    assert 'Walking 0' in page


def test_a_run_that_is_over_makes_its_report_again_without_new_videos(folder):
    video = next((folder / 'annotated').iterdir())
    before = video.stat().st_mtime_ns
    source = Source(str(folder.parent / 'yard 1.mp4'), str(folder.parent / 'yard 1.mp4'))
    with far_east():
        run(make_detector(), [source], folder, options=RunOptions(True, True, report=True))
    assert video.stat().st_mtime_ns == before
    assert 'data-seek="14.75"' in (folder / 'report.html').read_text()


def test_names_cannot_inject_anything(tmp_path):
    event = DangerEvent(
        'a', 'closed', 'A', 1.0, 2.0, 1.5, 1.5, 0.9, 0.8, '<script>alert(1)</script>'
    )
    gap = Gap(event.source, 3.0, 4.0, '"><img src=x>')
    page = SourcePage(event.source, 10.0, [event], [], [gap])
    write_report(tmp_path / 'report.html', [page], ('A', 'Other'), {'A': EventRule()}, 'a run')
    content = (tmp_path / 'report.html').read_text()
    assert '<script>alert' not in content
    assert '<img src=x>' not in content


def test_long_recordings_have_short_curves_that_keep_their_peaks(tmp_path):
    windows = [ScoredWindow(n / 2, n / 2, (float(n == 31_415), 0.0)) for n in range(100_000)]
    page = SourcePage('gate', 50_000.0, [], windows)
    write_report(tmp_path / 'report.html', [page], ('A', 'Other'), {'A': EventRule()}, 'a run')
    content = (tmp_path / 'report.html').read_text()
    # The thresholds lie over the curve: enter 0.6 and leave 0.4 of 100.
    assert re.findall(r'<line class="(\w+)"[^>]* y1="([\d.]+)"', content) == [
        ('enter', '40.00'),
        ('leave', '60.00'),
    ]
    (curve,) = re.findall(r'<path d="([^"]+)"', content)
    assert curve.count('L') < 2000
    # The one high window stands where it was: 31415 of 100000.
    (peak,) = re.findall(r'L([\d.]+) 0\.0', curve)
    assert float(peak) == pytest.approx(314.15, abs=1.0)


def test_curves_stand_at_the_moments_that_their_scores_describe(tmp_path):
    """The model says at 7 s that A happened at 5 s; the rule reads that."""
    windows = [ScoredWindow(n, n, (0.0, float(n == 7) * 0.9)) for n in range(10)]
    page = SourcePage('gate', 10.0, [], windows)
    rules = {'A': EventRule(lookback_seconds=2.0)}
    write_report(tmp_path / 'report.html', [page], ('A', 'A 2 s ago'), rules, 'a run')
    content = (tmp_path / 'report.html').read_text()
    (moments,) = re.findall(r'data-moments="([^"]+)"', content)
    (scores,) = re.findall(r'data-scores="([^"]+)"', content)
    assert dict(zip(moments.split(), scores.split(), strict=True))['5.00'] == '90'
    assert scores.count('90') == 1


def test_clock():
    assert [clock(s) for s in (0, 75.5, 59.96, 3600, 36061.2)] == [
        '0:00.0',
        '1:15.5',
        '1:00.0',
        '1:00:00.0',
        '10:01:01.2',
    ]
