"""Videos and pictures of what was found, read back."""

import io
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.annotate import (
    Shown,
    UnfinishedError,
    _fit,
    annotate_video,
    media_name,
    save_event_media,
)
from mmaction_timesformer.detection.results.drawing import Panel, ScoresOverTime, class_colours
from mmaction_timesformer.detection.results.event_log import read_events
from mmaction_timesformer.detection.results.finishing import RunOptions
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.signal_videos import every, make_detector, write_video
from video_clips.reading.video import open_video
from video_clips.writing import open_writer

CLASSES = ('Digging', 'Walking', 'Other')
LABELS = CLASSES[:2]
EVENT = DangerEvent(
    'yard#Digging@2.000', 'closed', 'Digging', 2.0, 5.0, 3.0, 4.0, 0.9, 0.8, 'the yard.mp4'
)
WINDOWS = [
    ScoredWindow(float(second), second + 1.0, (0.9, 0.05, 0.05) if 2 <= second < 5 else (0, 0, 1))
    for second in range(10)
]

SHOWN = Shown(WINDOWS, [EVENT], CLASSES, LABELS, 10.0)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'the yard.mp4'
    moments = [*every(10, 5.0), *[5.0 + n / 4 for n in range(20)]]
    return Source('the yard.mp4', str(write_video(path, moments, [(2.0, 5.0)])))


def is_colour(pixel, colour, tolerance=40):
    expected = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(np.asarray(pixel, int) - expected).max() <= tolerance


def is_red(picture):
    """Whether the 32 pixels in the middle, where a tiny picture is set on black, are red."""
    return is_colour(picture[:32, 144:176].mean(axis=(0, 1)), '#dc001e', tolerance=20)


def test_panel_shows_probabilities_events_and_time():
    panel = Panel(400, LABELS, [EVENT], 10.0)
    colours = class_colours(LABELS)
    left, top, right, bottom = panel._row_box(0)
    middle = (top + bottom) // 2
    during = panel.draw(3.0, {'Digging': 0.5, 'Walking': 0.0})
    assert during.shape == (panel.size[1], 400, 3)
    half = (left + right) // 2
    assert is_colour(during[middle, half - 6], colours['Digging'])
    assert not is_colour(during[middle, half + 6], colours['Digging'])
    # The class is outlined while its event lasts, and the timeline shows the event all the time.
    before = panel.draw(1.0, {})
    assert not np.array_equal(during[top, left:right], before[top, left:right])
    _, line_top, _, line_bottom = panel._row_box(2)
    row = (line_top + line_bottom) // 2
    for picture in (before, during):
        assert is_colour(picture[row, panel._x(4.5)], colours['Digging'])
        assert not is_colour(picture[row, panel._x(7.0)], colours['Digging'])
    assert during[row, panel._x(3.0)].max() < 80


def test_scores_are_those_of_the_nearest_window():
    scores = ScoresOverTime(WINDOWS, CLASSES)
    assert scores.at(-1.0)['Other'] == 1
    assert scores.at(1.6)['Digging'] == 0.9
    assert scores.at(4.4)['Digging'] == 0.9
    assert scores.at(99.0)['Digging'] == 0
    assert ScoresOverTime([], CLASSES).at(1.0) == {}


def test_annotated_copy_keeps_every_frame_at_its_time(source, tmp_path):
    file = tmp_path / 'annotated' / 'yard.mp4'
    annotate_video(source, SHOWN, file)
    with open_video(source.url) as original, open_video(file) as copy:
        assert copy.seconds == pytest.approx(original.seconds, abs=2e-3)
        picture = copy.decode([35])[0]
        assert picture.shape[1] == 320
        assert picture.shape[0] > 60
        assert is_red(picture[:32])
    assert [entry.name for entry in file.parent.iterdir()] == ['yard.mp4']


def test_an_event_is_shown_by_its_peak_and_a_clip(source, tmp_path):
    media = save_event_media(source, [EVENT], tmp_path)
    snapshot, clip = media[EVENT.event_id]
    assert snapshot.stem == clip.stem == media_name(EVENT)
    assert re.fullmatch(r'the_yard-\w{6}_000002\.00_Digging', snapshot.stem)
    assert is_red(np.asarray(Image.open(snapshot)))
    with open_video(clip) as video:
        assert video.seconds[-1] == pytest.approx(7.0, abs=0.1)
        first, during = video.decode([0, 30])
    assert is_red(during)
    assert not is_red(first)
    before = clip.stat().st_mtime_ns
    save_event_media(source, [EVENT], tmp_path)
    assert clip.stat().st_mtime_ns == before


def test_recordings_of_one_name_have_files_of_their_own(tmp_path):
    names = ('cam1/day.mp4', 'cam2/day.mp4', 'cam1/x.mp4', 'cam1/x.mkv')
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, every(10, 5.0), [(2.0, 4.0)])
    sources = [Source(str(tmp_path / name), str(tmp_path / name)) for name in names]
    run(
        make_detector(),
        sources,
        tmp_path / 'out',
        options=RunOptions(annotate=True, clips=True, report=True),
    )
    events = read_events(tmp_path / 'out' / 'events.jsonl')
    assert len(events) == 4
    assert len(list((tmp_path / 'out' / 'events').glob('*.jpg'))) == 4
    assert len(list((tmp_path / 'out' / 'events').glob('*.mp4'))) == 4
    assert len(list((tmp_path / 'out' / 'annotated').iterdir())) == 4
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert len(set(re.findall(r'<video[^>]* src="([^"]+)"', page))) == 4


def test_cameras_with_the_same_end_of_a_url_have_names_of_their_own():
    urls = ('rtsp://a/stream', 'rtsp://b/stream', 'rtsp://a/stream?channel=2')
    files = {media_name(replace(EVENT, source=url)) for url in urls}
    assert len(files) == 3
    assert sum('a_stream' in file for file in files) == 2
    assert not any(re.search(r'[^\w.-]', file) for file in files)


def save_half(self, file, *_, **__):
    Path(file).write_bytes(b'half a pict')
    raise OSError('no space left')


def test_half_a_picture_does_not_take_its_name(source, tmp_path, monkeypatch):
    """Existing files are never made again."""
    monkeypatch.setattr(Image.Image, 'save', save_half)
    with pytest.raises(OSError, match='no space'):
        save_event_media(source, [EVENT], tmp_path)
    assert [file.suffix for file in tmp_path.iterdir()] == ['.mp4']


def test_half_a_preview_does_not_take_its_name(tmp_path, monkeypatch):
    ring = PreviewRing()
    ring.add(4.0, np.zeros((40, 40, 3), np.uint8))
    write_bytes = Path.write_bytes

    def write_half(self, content):
        write_bytes(self, content[:10])
        raise OSError('no space left')

    monkeypatch.setattr(Path, 'write_bytes', write_half)
    with pytest.raises(OSError, match='no space'):
        ring.save(EVENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


class StopAfter(threading.Event):
    """Is set after it was asked so many times."""

    def __init__(self, num_questions):
        super().__init__()
        self._num_left = num_questions

    def is_set(self):
        self._num_left -= 1
        return self._num_left < 0


def test_a_stop_ends_a_copy_and_a_clip_at_the_next_frame(source, tmp_path):
    copy, stop = tmp_path / 'copy' / 'yard.mp4', StopAfter(5)
    with pytest.raises(UnfinishedError, match=r'the yard\.mp4'):
        annotate_video(source, SHOWN, copy, stop)
    assert stop._num_left == -1
    with pytest.raises(UnfinishedError):
        save_event_media(source, [EVENT], tmp_path / 'events', StopAfter(5))
    assert [file for file in tmp_path.rglob('*') if file.is_file()] == []


def test_a_run_that_is_stopped_while_it_makes_videos_makes_them_later(tmp_path, monkeypatch):
    sources = []
    for name in ('a.mp4', 'b.mp4'):
        path = write_video(tmp_path / name, every(10, 5.0), [(2.0, 4.0)])
        sources.append(Source(name, str(path)))
    out, stop = tmp_path / 'out', threading.Event()

    def stop_after_first(*arguments):
        annotate_video(*arguments)
        stop.set()

    with monkeypatch.context() as patch:
        patch.setattr(
            'mmaction_timesformer.detection.results.finishing.annotate_video', stop_after_first
        )
        summary = run(
            make_detector(), sources, out, options=RunOptions(annotate=True, clips=True), stop=stop
        )
    assert (summary.exit_code, summary.was_stopped) == (0, True)
    assert [file.name[:2] for file in (out / 'annotated').iterdir()] == ['a-']
    assert list((out / 'events').glob('*')) == []
    assert (out / 'report.html').exists()
    run(make_detector(), sources, out, options=RunOptions(annotate=True, clips=True))
    assert len(list((out / 'annotated').iterdir())) == 2
    assert len(list((out / 'events').iterdir())) == 4


def test_a_failure_leaves_no_half_video(tmp_path):
    file = tmp_path / 'annotated.mp4'
    with pytest.raises(ValueError, match='no such file'):
        annotate_video(Source('gone', 'gone.mp4'), SHOWN, file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('size', [(1, 1), (33, 47), (3000, 100)])
def test_pictures_of_any_size_become_video(tmp_path, size):
    width, height = size
    picture = _fit(np.full((height, width, 3), 200, np.uint8))
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    with open_writer(tmp_path / 'a.mp4') as output:
        output.write(picture, 0.0)
    with open_video(tmp_path / 'a.mp4') as video:
        assert video.size == (picture.shape[1], picture.shape[0])


def test_previews_of_a_live_source(tmp_path):
    ring = PreviewRing(keep_seconds=20.0)
    for number in range(120):
        colour = (220, 0, 30) if 60 <= number < 80 else (0, 0, 30)
        ring.add(number / 4, np.full((600, 800, 3), colour, np.uint8))
    assert len(ring._pictures) == 81
    assert Image.open(io.BytesIO(ring._pictures[0][1])).size == (480, 360)
    event = DangerEvent('a', 'closed', 'Digging', 15.0, 20.0, 16.0, 17.0, 0.9, 0.8, 'gate')
    snapshot, clip = ring.save(event, tmp_path)
    assert is_colour(np.asarray(Image.open(snapshot)).mean(axis=(0, 1)), '#dc001e', tolerance=20)
    with open_video(clip) as video:
        assert video.num_frames == (22 - 13) * 4 + 1
    old = DangerEvent('b', 'closed', 'Digging', 1.0, 3.0, 2.0, 2.0, 0.9, 0.8, 'gate')
    assert ring.save(old, tmp_path) is None
